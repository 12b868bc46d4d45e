#!/bin/sh
# Times `sef-stats report` without an index (cold) and with one (warm), and ccusage beside it when npm can reach it, on
# made-up transcripts, interleaved in one run. Quote the ratios. Options go to bench_report.py (-n ROUNDS, --sizes MB...).
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
built=$(sh "$root/scripts/build.sh")
exec python3 "$root/scripts/bench_report.py" "$built/sef-stats" "$@"
