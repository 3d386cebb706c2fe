# Shared by the scripts: the checkout's virtual environment, made once, and again when a lock changes.
# Sets $ROOT (the checkout, which becomes the current directory) and $PYTHON (of the environment).

set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
PYTHON="$ROOT/.venv/bin/python"

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local candidate
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if command -v "$candidate" >/dev/null && is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    fail "Tollbook needs Python 3.11 or newer, and found $(python3 --version 2>/dev/null || echo none). Install it, then run this again."
}

# find_uv PYTHON: puts uv into .tools, unless it is there. Fails where it can't be had.
find_uv() {
    [ -x .tools/bin/uv ] || "$1" -m pip install --quiet --disable-pip-version-check --no-warn-script-location \
        --root-user-action=ignore --target .tools uv >/dev/null 2>&1
}

install_with_uv() { # PYTHON LOCK
    find_uv "$1" || return
    [ -x "$PYTHON" ] || .tools/bin/uv venv --quiet --python "$1" .venv || return
    .tools/bin/uv pip install --quiet --compile-bytecode --python "$PYTHON" --require-hashes -r "$2"
}

install_with_pip() { # PYTHON LOCK
    "$1" -m pip --version >/dev/null 2>&1 || fail "$1 has no pip. On Debian: apt install python3-pip"
    [ -x "$PYTHON" ] || "$1" -m venv --without-pip .venv || fail "$1 has no venv. On Debian: apt install python3-venv"
    "$1" -m pip --python "$PYTHON" install --quiet --disable-pip-version-check --require-hashes -r "$2" \
        || fail "The packages of $2 could not be installed; pip says why above."
}

is_installed() { [ -x "$PYTHON" ] && [ "$(cat ".venv/$1.stamp" 2>/dev/null)" = "$(sha256sum "$1")" ]; }

# install_locked LOCK: the environment has what LOCK names. requirements-dev.lock includes requirements.lock.
install_locked() {
    if is_installed "$1"; then return; fi
    local lock=$1 python
    python=$(find_python)
    printf 'Installing what Tollbook needs (once) ...\n' >&2
    if [ -e .venv ] && ! is_new_enough "$PYTHON"; then rm -rf .venv; fi
    rm -f .venv/*.stamp
    install_with_uv "$python" "$lock" || install_with_pip "$python" "$lock"
    sha256sum "$lock" >".venv/$lock.stamp"
    if [ "$lock" = requirements-dev.lock ]; then sha256sum requirements.lock >.venv/requirements.lock.stamp; fi
}
