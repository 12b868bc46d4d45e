#!/bin/sh
# Times the whole hook process against /bin/true, interleaved in one run, and counts its instructions with callgrind
# (when valgrind is there). Machines are noisy: quote the ratios. Options go to bench_hook.py (-n ROUNDS, --json).
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
built=$(sh "$root/scripts/build.sh")
exec python3 "$root/scripts/bench_hook.py" "$built/sef-hook" "$@"
