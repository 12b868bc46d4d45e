#!/bin/sh
# Times whole races against the scripted service on loopback, interleaved in one run: five runners against one when each answer
# takes a second, and what a runner costs when answers take no time and the test command is `true`. Machines are noisy: quote
# ratios and medians. Options go to bench_race.py (-n ROUNDS).
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
built=$(sh "$root/scripts/build.sh")
exec python3 -B "$root/scripts/bench_race.py" "$built/sef" "$@"
