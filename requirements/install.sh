#!/bin/sh
# Makes .venv and installs one locked list into it, then this folder itself without anything else.
#   requirements/install.sh runtime|test
# It needs Python 3.11 to 3.14 with its venv module; PYTHON=… names one. Safe to repeat.
set -eu
cd "$(dirname "$0")/.."
list=$1

fail() {
    echo "make: $*" >&2
    exit 1
}

version_of() {
    "$1" -c 'import sys; print("%d%02d" % sys.version_info[:2])' 2>/dev/null || echo 0
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.12 python3.11 python3.13 python3.14}; do
        version=$(version_of "$candidate")
        [ "$version" -ge 311 ] && [ "$version" -le 314 ] && echo "$candidate" && return
    done
    return 0
}

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    [ -n "$python" ] || fail "Python 3.11, 3.12, 3.13 or 3.14 is needed; install one, or name it: make PYTHON=/path/to/python3."
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "This Python cannot make virtual environments; on Debian and Ubuntu install the package python3-venv (apt-get install python3-venv), then run make again."
    "$python" -m venv .venv
fi

# A pip cache that is there already is used; none is made, so that nothing stays outside the clone.
cache=${PIP_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/pip}
if [ -d "$cache" ] && [ -w "$cache" ]; then cached=; else cached=--no-cache-dir; fi

# shellcheck disable=SC2086
exec .venv/bin/python requirements/install.py "$list" $cached
