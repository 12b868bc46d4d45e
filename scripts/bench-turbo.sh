#!/bin/sh
# Times `sef turbo` against the same call made by hand to the same scripted service on loopback, interleaved in one run: the
# difference is what SEF adds (start, checks, reading the answer, writing three files with their manifest, the log). Machines
# are noisy: quote the difference of the medians. Options go to bench_turbo.py (-n ROUNDS).
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
built=$(sh "$root/scripts/build.sh")
exec python3 -B "$root/scripts/bench_turbo.py" "$built/sef" "$@"
