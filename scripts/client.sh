#!/usr/bin/env bash
# Installs one version of the real client from npm into the cache that the end-to-end cases use.
#
#   scripts/client.sh VERSION|newest
#
# Prints the version (`newest` is what npm's tag `latest` says now), and nothing else, on stdout. What is there
# already is not asked for again; then no network is needed. Kept in $SEF_E2E_CACHE, default .e2e-cache/ in the
# checkout, 200 to 300 MB a version. Exit 0 when the client is there, 2 when it could not be had.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${SEF_E2E_CACHE:-$root/.e2e-cache}
package=@anthropic-ai/claude-code

fail() {
    printf 'client: %s\n' "$*" >&2
    exit 2
}

[ $# -eq 1 ] || fail 'name one version, or newest'
case $1 in
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"; exit 0 ;;
    newest)
        command -v npm >/dev/null || fail 'npm is not on PATH: it knows which client is the newest'
        version=$(timeout 60 npm view "$package" dist-tags.latest --loglevel=error) || fail 'npm does not answer'
        ;;
    *) version=$1 ;;
esac
# It becomes a folder's name and a part of npm's argument.
case $version in
    '' | *[!0-9.]*) fail "not a version: $version" ;;
esac

scratch=$(mktemp -d "${TMPDIR:-/tmp}/sef-client.XXXXXX")
fresh=''
trap 'rm -rf "$scratch" ${fresh:+"$fresh"}' EXIT

# The version that a client says it has; asked in an empty HOME, so that it cannot touch the caller's.
version_of() {
    env -i PATH="$PATH" HOME="$scratch" DISABLE_AUTOUPDATER=1 timeout 30 "$1" --version 2>/dev/null | cut -d' ' -f1
}

kept=$cache/$version
if [ "$(version_of "$kept/node_modules/.bin/claude" || true)" != "$version" ]; then
    command -v npm >/dev/null || fail "npm is not on PATH: it is needed once, to install client $version"
    echo "installing $package@$version from npm" >&2
    mkdir -p "$cache"
    fresh=$(mktemp -d "$cache/new.XXXXXX")
    timeout 300 npm install --prefix "$fresh" --no-audit --no-fund --loglevel=error "$package@$version" >&2 ||
        fail "npm could not install client $version"
    rm -rf "$kept"
    mv "$fresh" "$kept"
    [ "$(version_of "$kept/node_modules/.bin/claude" || true)" = "$version" ] || fail "$kept is not client $version"
fi
printf '%s\n' "$version"
