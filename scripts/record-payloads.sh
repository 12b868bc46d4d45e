#!/usr/bin/env bash
# Records what the real client gives its hooks, offline and without a key, or says what a new client changed.
#
#   scripts/record-payloads.sh VERSION...                   writes tests/payloads/recorded/VERSION/*.json
#   scripts/record-payloads.sh --compare VERSION|newest...  compares with the newest recorded version, writes nothing
#
# A hook on every event that the client knows keeps what it is given in scripted sessions (tests/e2e/capture.py): print
# mode, and the interactive client where tmux is. Kept is one payload of each kind, with ids, paths, times and names
# replaced by fixed ones (tests/e2e/scrub.py), and in client.json the events and tools that the client knows.
# Takes about a minute a version. Exit 0; 1 when --compare found a difference; 2 when it could not start.
# Needs what scripts/e2e.sh needs, but no binaries of SEF's.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${SEF_E2E_CACHE:-$root/.e2e-cache}
pass=() asked=()
while [ $# -gt 0 ]; do
    case $1 in
        --compare) pass+=("$1") ;;
        -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"; exit 0 ;;
        -*) echo "record: unknown argument $1; --help shows what there is" >&2; exit 2 ;;
        *) asked+=("$1") ;;
    esac
    shift
done
[ ${#asked[@]} -gt 0 ] || { echo 'record: name a version' >&2; exit 2; }
versions=()
for one in "${asked[@]}"; do
    version=$("$root/scripts/client.sh" "$one") || exit 2
    versions+=("$version")
done
timeout --foreground -k 10 900 python3 -B "$root/tests/e2e/record.py" --cache "$cache" \
    --out "$root/tests/payloads/recorded" ${pass[@]+"${pass[@]}"} "${versions[@]}"
