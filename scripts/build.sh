#!/bin/sh
# Builds the release binaries. Prints the folder that holds them, and nothing else, on stdout.
#
# Start-up is the hook's main cost, so on Linux with glibc the binaries are linked static and non-PIE: no dynamic
# loader, no relocations. Such flags break proc macros in a host build; an explicit --target keeps the two apart.
# Flags of your own (RUSTFLAGS) are left as they are, and a static build that fails is followed by a plain one.
set -eu

needed_minor=91

die() {
    printf 'build.sh: %s\n' "$1" >&2
    exit 1
}

command -v cargo >/dev/null 2>&1 || die "cargo is not on PATH
  to mend it: install Rust from https://rustup.rs, open a new shell, run this again"
version=$(cargo --version)
numbers=${version#cargo }
major=${numbers%%.*}
rest=${numbers#*.}
minor=${rest%%.*}
case $major$minor in
    '' | *[!0-9]*) die "cannot tell the version of cargo from: $version" ;;
esac
if [ "$major" -lt 1 ] || { [ "$major" -eq 1 ] && [ "$minor" -lt "$needed_minor" ]; }; then
    die "cargo is $major.$minor and 1.$needed_minor or newer is needed
  to mend it: rustup update stable (or install Rust from https://rustup.rs)"
fi

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd -- "$root"
target_dir=${CARGO_TARGET_DIR:-$root/target}
case $target_dir in
    /*) ;;
    *) target_dir=$root/$target_dir ;;
esac

host=$(rustc -vV | sed -n 's/^host: //p')
case $host in
    x86_64-unknown-linux-gnu | aarch64-unknown-linux-gnu)
        if [ -z "${RUSTFLAGS+set}" ] && [ -z "${CARGO_ENCODED_RUSTFLAGS+set}" ]; then
            if RUSTFLAGS='-C target-feature=+crt-static -C relocation-model=static' \
                cargo build --release --locked --target "$host" --target-dir "$target_dir" >&2; then
                printf '%s\n' "$target_dir/$host/release"
                exit 0
            fi
            printf 'build.sh: the static build failed; building the usual way\n' >&2
        fi
        ;;
esac
cargo build --release --locked --target-dir "$target_dir" >&2
printf '%s\n' "$target_dir/release"
