#!/usr/bin/env bash
# Holds `sef mcp` against the official tools: the MCP conformance suite (through an HTTP bridge, since it speaks no stdio),
# in both eras, and the Inspector's command line. Optional and slow.
#
#   scripts/check-mcp.sh [--bin FILE]
#
#   --bin FILE   check this sef; without it scripts/build.sh builds one
#
# The suite expects a server of its own with many features. Run are the scenarios that a server of tools can pass; the
# checks of these that ask for the suite's own fixture tools, or for prompts and resources, are named below and may fail.
# Installs the tools and a Node of their own (300 MB) into a temporary folder, and opens ports on loopback only. Skips, and
# says so, when npm is missing or cannot install. Exit 0 when nothing failed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
sef=''
while [ $# -gt 0 ]; do
    case $1 in
        --bin) sef=$(realpath "$2"); shift 2 ;;
        *) echo "check-mcp: unknown option $1" >&2; exit 2 ;;
    esac
done

# These want the suite's own tools (test_missing_capability, test_streaming_elicitation, test_logging_tool).
may_fail='sep-2575-server-rejects-undeclared-capability
sep-2575-missing-capability-http-400
sep-2575-http-server-no-independent-requests-on-stream
sep-2575-server-no-log-without-loglevel
sep-2549-prompts-list-caching-hints
sep-2549-resources-list-caching-hints
sep-2549-resources-templates-list-caching-hints'

skip() { echo "check-mcp: skipped: $1"; exit 0; }
command -v npm >/dev/null 2>&1 || skip "no npm here"
command -v curl >/dev/null 2>&1 || skip "no curl here"

work=$(mktemp -d)
bridge=''
# Called by the trap.
# shellcheck disable=SC2317
finish() {
    if [ -n "$bridge" ]; then kill "$bridge" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap finish EXIT

(cd "$work" && npm install --silent --no-audit --no-fund node@24 @modelcontextprotocol/conformance@0.2.0-alpha.12 \
    @modelcontextprotocol/inspector@2.12.0 mcp-proxy@6.7.19 >npm.log 2>&1) \
    || skip "npm could not install the tools: $(tail -n 1 "$work/npm.log")"
[ -n "$sef" ] || sef=$("$root/scripts/build.sh")/sef

tools=$work/node_modules/.bin
export PATH="$work/node_modules/node/bin:$PATH" HOME="$work/home" NO_COLOR=1
mkdir -p "$HOME/project"
cd "$HOME/project"
unset CLAUDE_PROJECT_DIR CLAUDE_CODE_SESSION_ID CEREBRAS_API_KEY
failed=0

# A port that nobody listens on.
port() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'; }

# scenarios ERA REVISION SCENARIO...: the suite against one bridge.
scenarios() {
    local era=$1 revision=$2 number bad passed
    shift 2
    number=$(port)
    "$tools/mcp-proxy" --port "$number" --host 127.0.0.1 --server stream --stateless --upstreamProtocol "$era" \
        -- "$sef" mcp >"$work/bridge.log" 2>&1 &
    bridge=$!
    for _ in $(seq 100); do
        if curl -s -o /dev/null "http://127.0.0.1:$number/ping"; then break; fi
        sleep 0.1
    done
    for scenario in "$@"; do
        "$tools/conformance" server --url "http://127.0.0.1:$number/mcp" --scenario "$scenario" \
            --spec-version "$revision" 2>&1 | sed 's/\x1b\[[0-9;]*m//g' >"$work/said" || true
        passed=$(grep -c ' SUCCESS ' "$work/said" || true)
        bad=$(sed -n 's/.*\[\([a-z0-9-]*\) *\] FAILURE .*/\1/p' "$work/said" | grep -vxF "$may_fail" || true)
        if [ "$passed" -gt 0 ] && [ -z "$bad" ]; then
            echo "ok conformance $revision $scenario: $passed checks"
        else
            echo "FAILED conformance $revision $scenario: $passed checks passed; failed: ${bad:-none, so none ran}"
            tail -n 40 "$work/said"
            failed=1
        fi
    done
    kill "$bridge" 2>/dev/null || true
    wait "$bridge" 2>/dev/null || true
    bridge=''
}

# inspector CODE WANTED ARGUMENT...: one call; it must exit with CODE (5: the tool says that it failed) and print WANTED.
inspector() {
    local code=$1 wanted=$2 seen=0
    shift 2
    "$tools/mcp-inspector" --cli "$sef" mcp "$@" >"$work/said" 2>"$work/warned" || seen=$?
    if [ "$seen" = "$code" ] && grep -q -- "$wanted" "$work/said"; then
        echo "ok inspector $*"
    else
        echo "FAILED inspector $*: exit $seen, and $code was expected with $wanted"
        cat "$work/said" "$work/warned" | tail -n 40
        failed=1
    fi
}

scenarios legacy 2025-11-25 server-initialize ping tools-list
scenarios legacy 2025-06-18 server-initialize ping tools-list
scenarios modern 2026-07-28 tools-list server-stateless caching
inspector 0 '"generate_and_write_files"' --method tools/list --strict
inspector 0 '"key_set"' --method tools/call --tool-name check_status --tool-arg live=false
inspector 0 '"ran"' --method tools/call --tool-name run_tests --tool-arg 'command=exit 0'
inspector 5 'cannot be read' --method tools/call --tool-name showdown --tool-arg test_command=true --tool-arg design=nothing.md
inspector 5 'git repository' --method tools/call --tool-name race_status
inspector 5 'must lie inside the project' --method tools/call --tool-name run_tests --tool-arg 'command=exit 0' --tool-arg dir=/
exit $failed
