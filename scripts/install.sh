#!/bin/sh
# Builds SEF, puts sef-hook, sef and sef-stats into $SEF_BIN_DIR (default ~/.local/bin) and registers them with
# Claude Code. All work on other people's files is done by `sef install`; this script only builds and copies.
set -eu

usage() {
    cat <<'END'
usage: install.sh [--user | --project | --both] [--no-turbo | --uninstall | --status]

  --user       all projects: $CLAUDE_CONFIG_DIR, default ~/.claude (the default)
  --project    this project only: .claude in the current folder
  --both       both of them
  --no-turbo   do not register the MCP server with Claude Code
  --uninstall  take out what was put in; the binaries go too, unless it is for --project only
  --status     say what is installed
END
}

die() {
    printf 'install.sh: %s\n' "$1" >&2
    exit 1
}

say() {
    printf '%s\n' "$1"
}

scope=
action=install
turbo=
for argument in "$@"; do
    case $argument in
        --user | --project | --both)
            [ -z "$scope" ] || die "$scope and $argument cannot be given together"
            scope=$argument
            ;;
        --uninstall | --status)
            [ "$action" = install ] || die "--uninstall and --status cannot be given together"
            action=${argument#--}
            ;;
        --no-turbo) turbo=$argument ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            usage >&2
            die "unknown option: $argument"
            ;;
    esac
done
scope=${scope:---user}
[ -z "$turbo" ] || [ "$action" = install ] || die "--no-turbo and --$action cannot be given together"

[ -n "${HOME:-}" ] || die "HOME is not set
  to mend it: HOME=/your/home sh install.sh"
case $HOME in
    /*) ;;
    *) die "HOME is not an absolute path: $HOME" ;;
esac
[ -d "$HOME" ] || die "HOME is not a folder: $HOME"
# With sudo, HOME is often still yours while the files would be root's: Claude Code could not change them any more.
me=$(id -u)
[ -n "$(find "$HOME/." -prune -user "$me" -print)" ] || die "HOME does not belong to this user ($me): $HOME
  to mend it: run this as the owner of that folder, without sudo"

bin=${SEF_BIN_DIR:-$HOME/.local/bin}
case $bin in
    /*) ;;
    *) die "SEF_BIN_DIR must be an absolute path: $bin" ;;
esac
export SEF_BIN_DIR="$bin"
programs='sef-hook sef sef-stats'

# A running hook must never meet half a program, so each one is copied beside its place and renamed into it.
put() {
    [ ! -d "$bin/$2" ] || die "there is a folder in the way: $bin/$2"
    temp=$bin/.$2.sef-$$
    cp -- "$1/$2" "$temp"
    chmod 755 "$temp"
    mv -f -- "$temp" "$bin/$2"
    temp=
}

temp=
trap '[ -z "$temp" ] || rm -f -- "$temp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ "$action" != install ] && [ ! -x "$bin/sef" ]; then
    die "there is no sef in $bin
  to mend it: set SEF_BIN_DIR to the folder it was installed to, or run install.sh $scope first"
fi

case $action in
    status)
        exec "$bin/sef" status "$scope"
        ;;
    uninstall)
        "$bin/sef" uninstall "$scope"
        if [ "$scope" = --project ]; then
            say "kept the programs in $bin: other projects may use them"
        else
            for name in $programs; do
                rm -f -- "$bin/$name"
            done
            say "removed sef-hook, sef and sef-stats from $bin"
        fi
        ;;
    install)
        root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
        built=$(sh "$root/scripts/build.sh")
        mkdir -p -- "$bin"
        for name in $programs; do
            put "$built" "$name"
        done
        say "put sef-hook, sef and sef-stats into $bin"
        "$bin/sef" install "$scope" ${turbo:+"$turbo"}
        case :${PATH:-}: in
            *:"$bin":*) ;;
            *) say "note: $bin is not on your PATH; the hooks work without it, for sef and sef-stats add it" ;;
        esac
        ;;
esac
