#!/usr/bin/env bash
# Proves SEF in the real Claude Code client, offline and without a key.
#
#   scripts/e2e.sh [--bin DIR] [--client VERSION|newest] [--case PART] [--keep] [--list]
#
# Each case starts a pinned client (2.1.329, and 2.1.197 as the oldest) in print mode or in tmux, in a
# HOME of its own where SEF is installed, against a scripted Messages API on loopback (tests/e2e/); the turbo
# cases have a scripted hosted service as well (tests/hosted/).
# What is asserted is what the API was asked (the model of every request), what the client itself wrote
# (its result, its transcripts) and `sef-stats report --json` and `audit --json`; never what the hook printed.
#
#   --bin DIR         use sef, sef-hook and sef-stats from DIR; without it scripts/install.sh builds and
#                     installs them into a temporary HOME, which is then a case of its own
#   --client VERSION  only that client (repeatable); 2.1.263 is known too, and any other version is held to what
#                     is expected of the newest known one
#   --client newest   the newest client on npm, to see in minutes what it breaks: the cases, then what its hooks
#                     are given and 2.1.329's are not. A report, no verdict: exit 0 whatever fails, 2 when it
#                     could not start
#   --case PART       only cases whose name holds PART (repeatable)
#   --keep            leave the folders of all cases behind, and say where
#   --list            name the cases and end
#
# One line per case: `ok NAME: evidence`, `FAILED NAME: what was expected and seen` or `SKIPPED NAME: why`,
# then how delegations ended, expected and found, and a summary. Exit 0 only when something ran and nothing
# failed; 1 when a case failed; 2 when it could not start. Takes four to six minutes on two busy cores once
# clients and binaries are there.
#
# Needs bash, python3 (3.10 or later), git, npm for the first run, tmux for the interactive cases (as root
# it is installed with apt-get when missing). The clients are kept in $SEF_E2E_CACHE, default .e2e-cache/
# in the checkout, 600 MB. As root the cases run where there is no network but loopback.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cases="$root/tests/e2e/run.py"
cache=${SEF_E2E_CACHE:-$root/.e2e-cache}
bin='' keep='' newest='' versions=() pass=()

fail() {
    printf 'e2e: %s\n' "$*" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
        --bin | --client | --case)
            [ $# -ge 2 ] || fail "$1 needs a value"
            case $1 in
                --bin) bin=$2 ;;
                --client) versions+=("$2") ;;
                *) pass+=("$1" "$2") ;;
            esac
            shift 2
            ;;
        --keep) keep=yes pass+=("$1"); shift ;;
        --list) pass+=("$1"); shift ;;
        -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"; exit 0 ;;
        *) fail "unknown argument $1; --help shows what there is" ;;
    esac
done

command -v python3 >/dev/null || fail 'python3 is not on PATH'
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail 'python3 is older than 3.10'
case " ${pass[*]-} " in *' --list '*) exec python3 -B "$cases" --cache "$cache" "${pass[@]}" ;; esac
[ ${#versions[@]} -gt 0 ] || versions=(2.1.329 2.1.197)

scratch=$(mktemp -d "${TMPDIR:-/tmp}/sef-e2e-home.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

for asked in "${versions[@]}"; do
    version=$("$root/scripts/client.sh" "$asked") || exit 2
    pass+=(--client "$version")
    [ "$asked" != newest ] || newest=$version
done

if ! command -v tmux >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo 'installing tmux with apt-get'
        get() { timeout 120 apt-get -qq "$@" </dev/null >/dev/null 2>&1; }
        get install -y tmux || { get update && get install -y tmux; } || true
    fi
    command -v tmux >/dev/null || echo 'tmux is MISSING: the interactive cases will be skipped'
fi

if [ -z "$bin" ]; then
    [ -x "$root/scripts/install.sh" ] || fail 'scripts/install.sh is missing: name built binaries with --bin DIR'
    echo 'scripts/install.sh --user, in a temporary HOME'
    mkdir -p "$scratch/home/.claude"
    # Only the folders of the Rust tool chain are the caller's; a real HOME holds them too.
    env -u SEF_BIN_DIR -u SEF_STATE_DIR -u SEF_CONFIG_DIR -u XDG_STATE_HOME -u XDG_CONFIG_HOME \
        CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}" \
        HOME="$scratch/home" CLAUDE_CONFIG_DIR="$scratch/home/.claude" \
        timeout 1200 "$root/scripts/install.sh" --user >"$scratch/install.log" 2>&1 </dev/null ||
        { cat "$scratch/install.log" >&2; fail 'scripts/install.sh --user did not succeed (its output is above)'; }
    bin=$scratch/home/.local/bin
    pass+=(--scripted-home "$scratch/home")
fi
for name in sef sef-hook sef-stats; do
    [ -x "$bin/$name" ] || fail "$bin/$name is not there"
done

# Kept folders must outlive this script's own.
[ -n "$keep" ] || pass+=(--work "$scratch")
status=0
timeout --foreground -k 10 900 python3 -B "$cases" --cache "$cache" --bin "$(cd "$bin" && pwd)" ${pass[@]+"${pass[@]}"} || status=$?
[ -n "$newest" ] || exit "$status"
[ "$status" -le 1 ] || exit "$status"

printf '\n== what the hooks of %s are given\n' "$newest"
"$root/scripts/record-payloads.sh" --compare "$newest" || [ $? -eq 1 ] || exit 2
if [ "$status" = 1 ]; then echo "client $newest: cases FAILED (above); a report only, so the exit code is 0"; fi
exit 0
