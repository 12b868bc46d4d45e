#!/usr/bin/env bash
# Fuzzes one target of fuzz/ and prints what it did. Usage: scripts/fuzz.sh [TARGET] [-n EXECUTIONS] [-j JOBS] [-l BYTES] [-k]
# TARGET is blocks unless named. -n: executions of all jobs together (1,000,000). -j: jobs (1). -l: longest input (4096). -k: keep what was found,
# minimised, as fuzz/corpus/TARGET. Needs a nightly toolchain; installs cargo-fuzz under fuzz/target when there is none.
# Leaves with 1 when an input broke the target; the input stays in fuzz/artifacts/TARGET.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd -P)

die() {
    printf 'fuzz.sh: %s\n' "$1" >&2
    exit 2
}

target=blocks
executions=1000000
jobs=1
longest=4096
keep=
while [ $# -gt 0 ]; do
    case $1 in
        -n) executions=${2:-} && shift ;;
        -j) jobs=${2:-} && shift ;;
        -l) longest=${2:-} && shift ;;
        -k) keep=yes ;;
        -*) die "no such option: $1
  to mend it: scripts/fuzz.sh [TARGET] [-n EXECUTIONS] [-j JOBS] [-l BYTES] [-k]" ;;
        *) target=$1 ;;
    esac
    shift || die "the last option wants a value"
done
for number in "$executions" "$jobs" "$longest"; do
    case $number in '' | 0* | *[!0-9]*) die "not a number: '$number'" ;; esac
done
grep -qx "name = \"$target\"" "$root/fuzz/Cargo.toml" || die "fuzz/Cargo.toml has no target $target"
cargo +nightly --version >/dev/null 2>&1 || die "no nightly toolchain
  to mend it: rustup toolchain install nightly --profile minimal"

export PATH="$PATH:$root/fuzz/target/tools/bin"
command -v cargo-fuzz >/dev/null ||
    cargo install --quiet cargo-fuzz --version 0.13.2 --locked --root "$root/fuzz/target/tools"

# Optimised, yet with overflow checks. No sanitizer: SEF forbids unsafe code, and runs are several times faster without.
cd "$root/fuzz"
cargo +nightly fuzz build --fuzz-dir . -O -a -s none "$target" >&2
host=$(rustc -vV | sed -n 's/^host: //p')
binary=$root/fuzz/target/$host/release/$target
[ -x "$binary" ] || die "the build left no $binary"

work=$root/fuzz/target/runs/$target
rm -rf "$work"
mkdir -p "$work/corpus" "$root/fuzz/artifacts/$target" "$root/fuzz/corpus/$target"
inputs=("$work/corpus" "$root/fuzz/corpus/$target")
[ ! -d "seeds/$target" ] || inputs+=("$root/fuzz/seeds/$target")
options=("-max_len=$longest" -timeout=5 -rss_limit_mb=1024)
[ ! -f "dicts/$target.dict" ] || options+=("-dict=$root/fuzz/dicts/$target.dict")
crashes_before=$(find "artifacts/$target" -type f | wc -l)

cd "$work"
start=$(date +%s)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; exit 130' INT TERM
for job in $(seq "$jobs"); do
    "$binary" "${options[@]}" -runs=$(((executions + jobs - 1) / jobs)) -seed="$job" -reload=1 -print_final_stats=1 \
        -artifact_prefix="$root/fuzz/artifacts/$target/" "${inputs[@]}" >"job-$job.log" 2>&1 &
    pids+=($!)
done
broken=0
for pid in "${pids[@]}"; do wait "$pid" || broken=$((broken + 1)); done
seconds=$(($(date +%s) - start))

executed=$(sed -n 's/^stat::number_of_executed_units: *//p' job-*.log | awk '{ sum += $1 } END { print sum + 0 }')
crashes=$(($(find "$root/fuzz/artifacts/$target" -type f | wc -l) - crashes_before))
coverage=$(grep -ho 'cov: [0-9]*' job-*.log | awk '$2 > most { most = $2 } END { print most + 0 }')

mkdir minimal
"$binary" "${options[@]}" -set_cover_merge=1 -use_counters=0 minimal "${inputs[@]}" >merge.log 2>&1 ||
    die "the corpus could not be minimised: see $work/merge.log"
files=$(find minimal -type f | wc -l)
bytes=$(cat minimal/* | wc -c)
if [ -n "$keep" ]; then
    rm -rf "$root/fuzz/corpus/$target"
    cp -r minimal "$root/fuzz/corpus/$target"
fi

printf 'target      %s\n' "$target"
printf 'executions  %s\n' "$executed"
printf 'exec/s      %s (%s s, %s jobs)\n' "$((executed / (seconds > 0 ? seconds : 1)))" "$seconds" "$jobs"
printf 'edges       %s\n' "$coverage"
printf 'corpus      %s files, %s bytes, minimised\n' "$files" "$bytes"
printf 'crashes     %s\n' "$crashes"
if [ "$broken" -gt 0 ] || [ "$crashes" -gt 0 ]; then
    printf 'fuzz.sh: %s jobs broke; see %s/job-*.log and fuzz/artifacts/%s\n' "$broken" "$work" "$target" >&2
    exit 1
fi
if [ "$executed" -lt "$executions" ]; then
    die "only $executed of $executions executions were made"
fi
