#!/usr/bin/env bash
# Packs built binaries as a release has them: NAME-TARGET-vVERSION.tgz with a folder of that name, and its SHA-256.
#
#   scripts/package.sh BINARIES TARGET OUT
#
#   BINARIES  the folder with sef, sef-hook and sef-stats (what scripts/build.sh prints)
#   TARGET    Rust's name of the platform that they are for
#   OUT       where the archive and its .sha256 go; made when it is not there
#
# The names are those of [package.metadata.binstall] in Cargo.toml. Prints the archive's path.
set -euo pipefail

fail() {
    printf 'package: %s\n' "$*" >&2
    exit 1
}

case ${1-} in -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"; exit 0 ;; esac
[ $# -eq 3 ] || fail 'name the binaries, the target and the folder for the archive; --help says more'
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
binaries=$1 target=$2 out=$3
case $target in '' | *[!a-z0-9_-]*) fail "not a target: $target" ;; esac
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)
[ -n "$version" ] || fail 'Cargo.toml has no version'
ending=''
case $target in *windows*) ending=.exe ;; esac

name=sef-$target-v$version
scratch=$(mktemp -d "${TMPDIR:-/tmp}/sef-package.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/$name"
for program in sef sef-hook sef-stats; do
    [ -f "$binaries/$program$ending" ] || fail "$binaries/$program$ending is not there"
    cp "$binaries/$program$ending" "$scratch/$name/"
    chmod 755 "$scratch/$name/$program$ending"
done
cp "$root/README.md" "$scratch/$name/"

mkdir -p "$out"
tar -C "$scratch" -czf "$scratch/archive" "$name"
mv "$scratch/archive" "$out/$name.tgz"
cd "$out"
if command -v sha256sum >/dev/null; then sum=(sha256sum); else sum=(shasum -a 256); fi
"${sum[@]}" "$name.tgz" >"$name.tgz.sha256"
printf '%s\n' "$out/$name.tgz"
