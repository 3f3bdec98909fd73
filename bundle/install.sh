#!/bin/sh
# Installs Servelab from this bundle: sh install.sh --help
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
if ! command -v "$python" >/dev/null; then
  echo "There is no $python here: name an interpreter with PYTHON=/path/to/python3 sh install.sh." >&2
  exit 2
fi
if [ ! -f "$here/install.py" ]; then
  echo "install.py is missing in $here: copy it again." >&2
  exit 2
fi
exec "$python" "$here/install.py" "$@"
