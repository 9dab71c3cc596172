#!/bin/sh
# Writes the locked lists anew from pyproject.toml (make lock). Every file is pinned by hash and
# names no download address; plain pip installs them on Python 3.11 to 3.14.
#   client.txt    the device client alone
#   runtime.txt   the service, the workers and the embedded servers (make venv)
#   test.txt      all of it and what the tests need (make test)
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" "$@"
}
compile pyproject.toml --extra embedded --group pyproject.toml:build -o requirements/runtime.txt
compile pyproject.toml -c requirements/runtime.txt -o requirements/client.txt
compile pyproject.toml --extra embedded --group pyproject.toml:dev -c requirements/runtime.txt \
    -o requirements/test.txt
