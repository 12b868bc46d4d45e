#!/bin/sh
# Times `sef mcp` from its start to the answer to tools/list, and its memory then, side by side with a Node server of three
# tools made with the official SDK. Machines are noisy: quote the ratios. Options go to bench_mcp.py (-n PAIRS, --json).
# Needs node, and npm for the SDK (put into a temporary folder).
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
for tool in node npm python3; do
    command -v "$tool" >/dev/null 2>&1 || { printf 'bench-mcp.sh: skipped: no %s here\n' "$tool" >&2; exit 0; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! (cd "$work" && npm install --silent --no-audit --no-fund @modelcontextprotocol/sdk@1.32.2 >npm.log 2>&1); then
    printf 'bench-mcp.sh: skipped: npm could not install the SDK: %s\n' "$(tail -1 "$work/npm.log")" >&2
    exit 0
fi
built=$(sh "$root/scripts/build.sh")
python3 "$root/scripts/bench_mcp.py" "$built/sef" "$work" "$@"
