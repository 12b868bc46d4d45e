#!/usr/bin/env bash
# Whether a tag may be released: it is the version of Cargo.toml, Cargo.lock agrees, and the package names this repository.
#
#   scripts/release-check.sh TAG OWNER/NAME
#
# Exit 0, or 1 with what is wrong and how to mend it. The release workflow runs it before anything else.
set -euo pipefail

fail() {
    printf 'release-check: %s\n  to mend it: %s\n' "$1" "$2" >&2
    exit 1
}

case ${1-} in -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"; exit 0 ;; esac
[ $# -eq 2 ] || fail 'it needs a tag and a repository' 'scripts/release-check.sh v0.1.0 owner/name'
cd "$(dirname "${BASH_SOURCE[0]}")/.."
field() { sed -n "s/^$1 = \"\(.*\)\"\$/\1/p" "$2" | head -n 1; }

version=$(field version Cargo.toml)
[ "$1" = "v$version" ] || fail "the tag is $1 and Cargo.toml says $version" "tag v$version, or change the version"
locked=$(sed -n '/^name = "sef"$/{n;s/^version = "\(.*\)"$/\1/p;}' Cargo.lock)
[ "$locked" = "$version" ] || fail "Cargo.lock has sef $locked and Cargo.toml $version" 'cargo check, and commit Cargo.lock'
repository=$(field repository Cargo.toml)
[ "$repository" = "https://github.com/$2" ] ||
    fail "Cargo.toml has repository = \"$repository\", and this is https://github.com/$2" \
        'set repository in [package]: cargo-binstall looks for the archives there'
printf 'sef %s of %s may be released\n' "$version" "$repository"
