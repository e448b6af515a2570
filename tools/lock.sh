#!/bin/sh
# Resolves pyproject.toml into constraints.txt: versions and hashes for Python 3.11 to 3.13 on Linux and macOS.
# Keeps the pins that still fit; a further argument --upgrade takes the newest of everything.
set -eu
python=$1
shift
test -x .venv-lock/bin/uv || { "$python" -m venv .venv-lock && .venv-lock/bin/python -m pip install -qq uv; }
exec .venv-lock/bin/uv pip compile pyproject.toml --extra all --extra dev --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet -o constraints.txt "$@"
