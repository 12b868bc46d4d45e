#!/bin/sh
# Eight sessions' worth of hook events for MINUTES (10) beside installs, upgrades, rotations, readers and kills; then looks
# whether anything was lost, torn, left behind or grew. Usage: scripts/soak.sh [MINUTES] [options of soak.py]
# SEF_SOAK_BIN names a folder with binaries that are built already.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
built=${SEF_SOAK_BIN:-$(sh "$root/scripts/build.sh")}
exec python3 -B "$root/scripts/soak.py" "$built" "$root/tests/payloads" "$@"
