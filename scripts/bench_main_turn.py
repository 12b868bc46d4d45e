"""Figures for bench-main-turn.sh: what the mod adds to a turn, to the start of a session, and what its program takes alone.

Every figure is of pairs in one run: each round has one turn (or start) of every client, in an order of its own, and
what is added is the median of the rounds' differences. Prints tables; never judges.
"""

import argparse
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))

from api import Api, Script  # noqa: E402
from bench_hook import Case, instructions  # noqa: E402
from client import Home  # noqa: E402
from main_turn import Conversation, add_mod, used  # noqa: E402
from run import isolate  # noqa: E402

PLAIN, EMPTY, REAL = "no mod", "mod, program: true", "mod, sef main-turn"
SESSION = "3f1c9a52-5d7e-4c0b-9a55-0f6f1f7a2b11"
# Turns that are not counted: the first ones wait for what the client does at a session's start.
WARMING = 2
# Seconds before each prompt: what the client before it does at the end of its turn is over by then.
PAUSE = 0.3


def main():
    options = arguments()
    isolated = isolate()
    print(f"network: {'loopback only' if isolated else 'NOT isolated (needs root and unshare)'}")
    print(f"{os.cpu_count()} cores, of which {os.getloadavg()[0]:.1f} were busy in the minute before", flush=True)
    with tempfile.TemporaryDirectory(prefix="sef-bench-") as work, contextlib.ExitStack() as closing:
        benches = [Bench(name, program, options.client, Path(work), closing)
                   for name, program in ((PLAIN, None), (EMPTY, "/bin/true"), (REAL, options.sef))]  # fmt: skip
        turns(benches, options.turns)
        starts(benches, options.starts)
        alone(options.sef, options.alone, Path(work))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", type=lambda path: Path(path).absolute())
    parser.add_argument("sef", type=lambda path: Path(path).absolute())
    parser.add_argument("-n", dest="turns", type=int, default=40, help="turns of each client")
    parser.add_argument("--starts", type=int, default=7, help="starts of each client")
    parser.add_argument("--alone", type=int, default=200, help="runs of the program by itself")
    return parser.parse_args()


class Bench:
    """One client with its own HOME and API; it knows when each request arrived."""

    def __init__(self, name, program, client, work, closing):
        self.name, self.arrived = name, []
        self.api = closing.enter_context(Api(Script({"of item ": [self.answer]})))
        self.home = Home(Path(tempfile.mkdtemp(prefix="home-", dir=work)), client, self.api)
        self.loading = add_mod(self.home, program) if program else ()

    def answer(self, _):
        """Notes when the request came."""
        self.arrived.append(time.perf_counter())
        return used("src/net.py:1", 15_000, 200)

    def prompt(self, number):
        """A small look-up, another one each time."""
        return f"Find where the name of item {number} is defined and report file:line."


def turns(benches, count):
    """From writing a prompt to its request at the API, in one process with one session each."""
    taken = {bench.name: [] for bench in benches}
    with contextlib.ExitStack() as closing:
        talks = [(bench, closing.enter_context(Conversation(bench.home, *bench.loading, log=None))) for bench in benches]
        for number in range(count + WARMING):
            for bench, conversation in shuffled(talks, number):
                time.sleep(PAUSE)
                before, began = len(bench.arrived), time.perf_counter()
                conversation.say(bench.prompt(number))
                if number >= WARMING:
                    taken[bench.name].append(bench.arrived[before] - began)
        for _, conversation in talks:
            conversation.end()
    asked = [record for record in log(benches[-1].home) if record["e"] == "main"]
    if len(asked) != count + WARMING:
        sys.exit(f"sef main-turn was asked {len(asked)} times in {count + WARMING} turns")
    table(f"prompt -> request, {count} turns", taken)
    words = {word: sum(record.get("want", "stay") == word for record in asked) for word in ("haiku", "sonnet", "stay")}
    print("  answers of sef main-turn: " + ", ".join(f"{word} {times}" for word, times in words.items() if times))


def starts(benches, count):
    """From starting `claude -p` to its first request."""
    taken = {bench.name: [] for bench in benches}
    for number in range(count + 1):
        for bench in shuffled(benches, number):
            time.sleep(PAUSE)
            before, began = len(bench.arrived), time.perf_counter()
            run = bench.home.ask(bench.prompt(number), *bench.loading)
            if run.code != 0:
                sys.exit(f"{bench.name}: claude -p ended with {run.code}: {run.err[:300]}")
            if number > 0:
                taken[bench.name].append(bench.arrived[before] - began)
    table(f"start of claude -p -> first request, {count} runs", taken)


def alone(sef, count, work):
    """The program by itself, as whole processes: a question in a session with a warm history, and the report of its end."""
    home = work / "alone"
    home.mkdir()
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    base = {"session": SESSION, "project": str(home), "prompt": "7a8b1f1e-6c55-4f7d-8a52-d9a3a6b1c001",
            "model": "claude-opus-5-5", "effort": "high", "turns": 2}  # fmt: skip
    now = int(time.time() * 1000)

    def done(at, read, wrote, model):
        step = {"input_tokens": 5, "output_tokens": 80, "cache_read_input_tokens": read, "cache_creation_input_tokens": wrote}
        steps = [{"at": at, "model": model, **step}]
        return json.dumps({"at": "done", **base, "steps": steps, "reason": "answer", "ms": 4000})

    text = "Find where the name of the item is defined and report file:line."
    subprocess.run([sef, "main-turn"], input=done(now, 0, 15_000, "claude-opus-5-5"), env=env, text=True, check=True, timeout=10)
    (memory,) = (home / ".local/state/sef").rglob("*-main.json")
    kept = memory.read_bytes()
    command = [str(sef), "main-turn"]
    floor = Case("/bin/true", ["/bin/true"], "", env)
    start = Case("sef main-turn, start", command, json.dumps({"at": "start", **base, "text": text}), env)
    end = Case("sef main-turn, done", command, done(now + 5000, 0, 15_500, "claude-haiku-5-5"), env)
    for number in range(count + 3):
        memory.write_bytes(kept)
        taken = [(case, case.once()) for case in (floor, start, end)]
        for case, nanoseconds in taken if number >= 3 else ():
            case.times.append(nanoseconds / 1e9)
    words = {(record.get("want"), record["why"]) for record in log_of(home / ".local/state/sef/log.jsonl")}
    table(f"by itself, {count} runs", {case.name: case.times for case in (floor, start, end)})
    print(f"  answers: {', '.join(f'{word} ({why})' for word, why in sorted(words, key=str))}")
    memory.write_bytes(kept)
    for case in (start, end):
        counted = instructions(case)
        print(f"  instructions of {case.name}: {f'{counted:,}' if counted else 'valgrind is not there'}")


def shuffled(things, seed):
    """The same things in an order of that round."""
    return random.Random(seed).sample(things, len(things))


def log(home):
    """SEF's log of a HOME."""
    return log_of(home.state / "log.jsonl")


def log_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def table(title, taken):
    """Medians, 90th percentiles, and what each adds to the first: the median of the rounds' differences."""
    print(f"{title:<44} {'median ms':>10} {'p90 ms':>10} {'added ms':>10}")
    base = next(iter(taken.values()))
    for name, seconds in taken.items():
        added = statistics.median(one - other for one, other in zip(seconds, base, strict=True)) * 1000
        ninth = sorted(seconds)[len(seconds) * 9 // 10] * 1000
        shown = f"{added:+10.1f}" if seconds is not base else f"{'':>10}"
        print(f"  {name:<42} {statistics.median(seconds) * 1000:10.1f} {ninth:10.1f} {shown}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
