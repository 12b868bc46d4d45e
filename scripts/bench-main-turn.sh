#!/usr/bin/env bash
# Times what the mod that chooses a turn's model costs: in the real client 2.1.329 against the scripted API on loopback, from
# a prompt to its request and from the client's start to its first request, each interleaved in one run with the same
# client without the mod; and `sef main-turn` by itself, with its instructions by callgrind when valgrind is there.
#
#   scripts/bench-main-turn.sh [--bin DIR] [-n TURNS] [--starts RUNS] [--alone RUNS]
#
# --bin names the folder of a release build; without it scripts/build.sh makes one. Machines are noisy: quote the
# differences. Needs bash, python3 (3.10 or later), git, and npm where the client is not in .e2e-cache/ yet.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
bin='' pass=()
while [ $# -gt 0 ]; do
    case $1 in
        --bin)
            [ $# -ge 2 ] || { echo 'bench-main-turn: --bin needs a folder' >&2; exit 2; }
            bin=$2
            shift 2
            ;;
        -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"; exit 0 ;;
        *) pass+=("$1"); shift ;;
    esac
done
[ -n "$bin" ] || bin=$("$root/scripts/build.sh")
[ -x "$bin/sef" ] || { echo "bench-main-turn: $bin/sef is not there" >&2; exit 2; }
version=$("$root/scripts/client.sh" 2.1.329)
client=${SEF_E2E_CACHE:-$root/.e2e-cache}/$version/node_modules/.bin/claude
exec python3 -B "$root/scripts/bench_main_turn.py" "$client" "$(cd "$bin" && pwd -P)/sef" ${pass[@]+"${pass[@]}"}
