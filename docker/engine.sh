#!/bin/sh
# An engine host in a container: the bundled model once, then the worker.
set -eu
if [ -z "${ENGINE_MODEL:-}" ]; then
  export HF_HUB_OFFLINE=1
  python -m lab.engine.bundled
fi
exec celery -A config worker -Q engine -P threads -c "${ENGINE_MAX_IN_FLIGHT:-128}" \
  -n engine@%h --without-mingle --without-gossip --loglevel INFO
