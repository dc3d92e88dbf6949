#!/bin/sh
# Prints the Python with which Hearth is developed: the first one on this machine whose version pyproject.toml allows
# and that can make a virtual environment. `make` runs it before the environment exists; it needs only a POSIX shell.
#
#   find-python.sh [--only 3.13 | --except 3.13] [command …]
#
# The commands, if given, are tried instead of the usual names. Exits with 1 and a message if there is none.
set -eu

only='' except=''
case "${1:-}" in
  --only) only=$2; shift 2 ;;
  --except) except=$2; shift 2 ;;
esac

# The version of the functions on AWS (tools/runtime.py) comes first.
[ $# -gt 0 ] || set -- python3.13 python3.12 python3.11 python3.14 python3 python \
  "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.1[1-4].*/bin/python \
  "${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-${HOME:-}/.local/share}/uv/python}"/cpython-3.1[1-4].*/bin/python3

version='
import ensurepip, sys, venv
assert sys.implementation.name == "cpython" and (3, 11) <= sys.version_info[:2] <= (3, 14)
print("%d.%d" % sys.version_info[:2])'

for candidate in "$@"; do
  path=$(command -v "$candidate" 2>/dev/null) || continue
  found=$("$path" -c "$version" 2>/dev/null) || continue # too old, without venv, or the shim of a manager of versions
  [ -z "$only" ] || [ "$found" = "$only" ] || continue
  [ "$found" != "$except" ] || continue
  printf '%s\n' "$path"
  exit 0
done

wanted=${only:-'3.11, 3.12, 3.13 or 3.14'}
echo "There is no Python $wanted here that can make virtual environments; \`make doctor\` says how to get one." >&2
exit 1
