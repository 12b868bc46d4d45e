"""Times whole `sef-stats report` processes and ccusage on one corpus after another. Called by scripts/bench-report.sh.

A round is one run of each, in turn; the table shows medians, and ratios taken round by round. All transcripts are in
the page cache. Memory is the largest resident set that the kernel saw.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import ccusage

HERE = os.path.dirname(os.path.abspath(__file__))


def run(command, env):
    """Seconds and kilobytes of one process."""
    start = time.perf_counter()
    child = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {child.returncode}: {error.decode(errors='replace')}")
    return seconds, used.ru_maxrss


def corpus(folder, megabytes):
    """A Claude folder with so many megabytes of transcripts, as old as those of sessions that ended an hour ago."""
    subprocess.run([sys.executable, os.path.join(HERE, "transcript-corpus.py"), folder, str(megabytes)], check=True)
    then = time.time() - 3600
    for place, _, names in os.walk(folder):
        for name in names:
            os.utime(os.path.join(place, name), (then, then))


def measure(stats, other, megabytes, rounds, work):
    home, claude = os.path.join(work, "home"), os.path.join(work, f"claude-{megabytes}")
    env = ccusage.environment(home, claude)
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(env["SEF_STATE_DIR"])
    corpus(claude, megabytes)
    index = os.path.join(env["SEF_STATE_DIR"], "transcripts.index")
    commands = {"sef cold": [stats, "report", "--no-index"], "sef cold + index": [stats, "report"], "sef warm": [stats, "report"]}
    if other:
        commands["ccusage"] = [other, "claude", "daily", "--offline", "--json"]
    taken = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            if name == "sef cold + index" and os.path.exists(index):
                os.remove(index)
            once = run(command, env)
            # The first round only warms the page cache.
            if number > 0:
                taken[name].append(once)
    size = os.path.getsize(index)
    shutil.rmtree(claude)
    return taken, size


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("stats")
    parser.add_argument("-n", type=int, default=11, help="rounds (default 11)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000], metavar="MB")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sef-bench-") as work:
        other, why = ccusage.install(os.path.join(work, "npm"))
        print(f"ccusage {ccusage.VERSION}" if other else f"ccusage skipped: {why}", f"(n={args.n}, {os.cpu_count()} cores)")
        print(f"{'corpus':>8}  {'':<16}{'median ms':>10}{'slowest':>9}{'peak MB':>9}{'x sef cold':>12}{'x sef warm':>12}")
        for megabytes in args.sizes:
            taken, size = measure(args.stats, other, megabytes, args.n, work)
            for name, runs in taken.items():
                ratios = [[own[0] / base[0] for own, base in zip(runs, taken[of])] for of in ("sef cold", "sef warm")]
                times = [seconds * 1000 for seconds, _ in runs]
                peak = max(memory for _, memory in runs) / 1024
                shown = "".join(f"{statistics.median(ratio):>12.2f}" for ratio in ratios)
                print(f"{megabytes:>5} MB  {name:<16}{statistics.median(times):>10.1f}{max(times):>9.1f}{peak:>9.1f}{shown}")
            print(f"{'':>10}the index has {size / 1e6:.2f} MB", flush=True)


main()
