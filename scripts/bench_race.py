"""Figures for bench-race.sh: what five runners take against one, and what the engine takes for each."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MATERIAL = ROOT / "tests/race/designs/limiter"
CANDIDATE = MATERIAL / "candidates/alpha"


def script():
    """Every runner plans and writes the same: it is the time that counts here."""
    texts = {str(path.relative_to(CANDIDATE / "code")): path.read_text() for path in (CANDIDATE / "code").rglob("*") if path.is_file()}
    plan = {name: (CANDIDATE / name).read_text() for name in ("plan.md", "contract-1.md")}
    return [
        {"do": "review", "when": ["You review one program"]},
        {"do": "answer", "files": plan, "when": ["You plan how a design is built"]},
        {"do": "answer", "files": texts},
    ]


class Service:
    """The scripted service, each answer after so many seconds."""

    def __init__(self, folder, latency):
        path = folder / f"script-{latency}.json"
        path.write_text(json.dumps(script()))
        command = [sys.executable, "-B", str(ROOT / "tests/hosted/server.py"), "--script", f"@{path}", "--latency", str(latency)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def repository(folder):
    shutil.copytree(MATERIAL / "base", folder)
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=u", "-c", "user.email=u@x", "commit", "-q", "-m", "base"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True, capture_output=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sef")
    parser.add_argument("-n", type=int, default=5, help="rounds")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        home = Path(home)
        repository(home / "project")
        test = (MATERIAL / "command").read_text().strip()
        slow, quick = Service(home, 1), Service(home, 0)

        def race(service, runners, command):
            env = {"HOME": str(home), "PATH": os.environ["PATH"], "CEREBRAS_BASE_URL": service.url, "CEREBRAS_API_KEY": "dummy-key-0123456789"}
            line = [args.sef, "showdown", "--design", str(MATERIAL / "design.md"), "--runners", str(runners), "--test", command, "--json"]
            start = time.perf_counter()
            run = subprocess.run(line, env=env, cwd=home / "project", capture_output=True, text=True)
            wall = time.perf_counter() - start
            done = json.loads(run.stdout)
            assert len(done["candidates"]) == runners and all(one["commit"] for one in done["candidates"]), run.stdout + run.stderr
            subprocess.run([args.sef, "clean", done["id"], "--discard", "all"], env=env, cwd=home / "project", capture_output=True, check=True)
            return wall

        rows = {"one, 1 s": [], "five, 1 s": [], "one, no latency, `true`": [], "five, no latency, `true`": []}
        race(quick, 1, "true")
        for _ in range(args.n):
            rows["one, 1 s"].append(race(slow, 1, test))
            rows["five, 1 s"].append(race(slow, 5, test))
            rows["one, no latency, `true`"].append(race(quick, 1, "true"))
            rows["five, no latency, `true`"].append(race(quick, 5, "true"))
        slow.end()
        quick.end()
        print(f"{args.n} rounds, medians (least to most) in ms")
        for name, times in rows.items():
            print(f"  {name:<26}{statistics.median(times) * 1e3:8.0f}  ({min(times) * 1e3:.0f} to {max(times) * 1e3:.0f})")
        ratio = statistics.median(five / one for one, five in zip(rows["one, 1 s"], rows["five, 1 s"]))
        print(f"  five against one at 1 s    {ratio:8.2f}")
        each = statistics.median(rows["five, no latency, `true`"]) / 5
        print(f"  for each of five runners   {each * 1e3:8.0f}")


if __name__ == "__main__":
    main()
