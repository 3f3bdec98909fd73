#!/bin/sh
# An engine host in a container: the model's files once, then the worker.
set -eu
case "${ENGINE_MODEL:-}" in
  "" | shape:*) export HF_HUB_OFFLINE=1 ;;
esac
python -m lab.engine.model_files
exec celery -A config worker -Q engine -P threads -c "${ENGINE_MAX_IN_FLIGHT:-128}" \
  -n engine@%h --without-mingle --without-gossip --loglevel INFO
