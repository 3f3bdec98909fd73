#!/bin/sh
# Compiles each lock: complete lists without addresses, installed with --no-deps.
set -eu
cd "$(dirname "$0")/.."
UV_FIND_LINKS="${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}}"
[ -n "$UV_FIND_LINKS" ] || export UV_TORCH_BACKEND=cpu
export UV_FIND_LINKS
python=3.11 platform=x86_64-manylinux_2_36
compile() { # lock, excludes, inputs …
  lock=$1 excludes=$2
  shift 2
  .venv/bin/uv pip compile "$@" --excludes "requirements/$excludes" \
    --no-annotate --no-header --python-version $python \
    --python-platform $platform --quiet --output-file "requirements/$lock"
}
compile lock-cpu.txt excludes.txt requirements/base.in requirements/dev.in requirements/engine-cpu.in
compile lock-web.txt excludes.txt requirements/base.in requirements/dev.in
compile lock-serve.txt excludes.txt requirements/base.in
compile lock-engine-cpu.txt excludes.txt requirements/base.in requirements/engine-cpu.in
unset UV_TORCH_BACKEND
compile lock-cuda.txt excludes-cuda.txt requirements/base.in requirements/dev.in requirements/engine-cuda.in
compile lock-engine-cuda.txt excludes-cuda.txt requirements/base.in requirements/engine-cuda.in
python=3.12 platform=x86_64-manylinux_2_35
compile lock-cuda-torch211.txt excludes-torch211.txt requirements/base.in requirements/engine-cuda-torch211.in
# The resolver writes "==": see engine-cuda.in.
sed -i 's/^torch==/torch===/' requirements/lock-cuda.txt requirements/lock-engine-cuda.txt
if grep -nE '://|@ |/' requirements/lock-*.txt; then
  echo "A lock names an address or a path." >&2
  exit 1
fi
