#!/usr/bin/env bash
# Checks every crate in Cargo.lock against deny.toml: licences, sources, duplicates, yanked versions, advisories.
#
#   scripts/deny.sh [--strict]
#
# Needs cargo-deny (`cargo install --locked cargo-deny`); without it nothing is checked, and that is said.
# What needs a network and has none is skipped and named. The advisories come from github.com, or from the clone that
# SEF_ADVISORY_DB names. tests/supply.rs checks licences, sources and duplicates without any of this.
#
#   --strict   a skipped part is a failure (the release does so)
#
# Exit 0 when what was checked is in order, 1 when it is not. About 15 seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

strict='' skipped=()
case ${1-} in
    '') ;;
    --strict) strict=yes ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"; exit 0 ;;
    *) echo "deny: unknown argument $1; --help shows what there is" >&2; exit 1 ;;
esac
database=https://github.com/RustSec/advisory-db

skip() {
    skipped+=("$1")
    echo "skipped: $1: $2"
}

finish() {
    [ -z "$strict" ] || [ ${#skipped[@]} -eq 0 ] || { echo "deny: skipped, and --strict was asked for" >&2; exit 1; }
    exit "$1"
}

if ! cargo deny --version >/dev/null 2>&1; then
    skip 'licences, sources, duplicates, yanked crates, advisories' 'no cargo-deny here (cargo install --locked cargo-deny)'
    finish 0
fi

status=0
# cargo-deny looks at the crates of all platforms; here may be only those of this one.
if timeout 120 cargo fetch --locked >/dev/null 2>&1 || cargo metadata --frozen --format-version 1 >/dev/null 2>&1; then
    cargo deny --locked check bans licenses sources || status=1
else
    skip 'licences, sources, duplicates' 'the crates of other platforms are not here and cannot be fetched'
fi

if [ -n "${SEF_ADVISORY_DB:-}" ]; then
    [ -d "$SEF_ADVISORY_DB" ] || { echo "deny: SEF_ADVISORY_DB is no folder: $SEF_ADVISORY_DB" >&2; exit 1; }
    folder=$(cd "$SEF_ADVISORY_DB" && pwd)
    # A database of one's own keeps its place apart from the one that cargo-deny fetches.
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    sed "s#^yanked = #db-path = \"$scratch\"\nyanked = #" deny.toml >"$scratch/deny.toml"
    echo "advisories of $(git -C "$folder" log -1 --format='%cs, commit %h'), from $folder"
    GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="url.file://$folder.insteadOf" GIT_CONFIG_VALUE_0=$database \
        cargo deny --locked --config "$scratch/deny.toml" check advisories || status=1
elif timeout 20 git ls-remote --exit-code "$database" HEAD >/dev/null 2>&1; then
    cargo deny --locked check advisories || status=1
else
    skip 'advisories, yanked crates' "$database does not answer; SEF_ADVISORY_DB may name a clone of it"
fi
finish "$status"
