#!/usr/bin/env python3
"""Does each candidate of the designs here behave as its `expect` says?

usage: check.py [DESIGN...]

A candidate is run as a careless engine would run it (base commit, scenario tests, then all of its files over them) and as a careful
one would (then the tests of base and design put back, and one test more that must fail). Prints a line for each candidate; exit 1
when one is not what it should be. Needs python3 and, for the Rust design, cargo; nothing is fetched.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
MOST_BROKEN = 3
LIMIT_S = 240
CANARY = {
    "python": (
        "tests/test_zz_canary.py",
        "import unittest\n\n\nclass Canary(unittest.TestCase):\n    def test_canary(self):\n        self.fail('canary')\n",
    ),
    "rust": ("tests/zz_canary.rs", "#[test]\nfn canary() {\n    panic!(\"canary\");\n}\n"),
}


def scenarios(design):
    """The files of the design's fenced blocks whose info string has a path below tests/."""
    text = design.read_text(encoding="utf-8")
    return dict(re.findall(r"^```\w+ (tests/\S+)\n(.*?)^```$", text, re.M | re.S))


def put(files, tree):
    for path, content in files.items():
        target = tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")


def overlay(folder, tree):
    if folder.is_dir():
        shutil.copytree(folder, tree, dirs_exist_ok=True)


def run(command, tree):
    """Exit status, tests that ran, tests that failed; None where the output does not say."""
    env = {name: os.environ[name] for name in ("PATH", "RUSTUP_HOME", "CARGO_HOME", "RUSTUP_TOOLCHAIN") if name in os.environ}
    home = Path.home()
    env = {"RUSTUP_HOME": str(home / ".rustup"), "CARGO_HOME": str(home / ".cargo"), **env}
    env |= {"HOME": str(tree), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "CARGO_TARGET_DIR": str(tree / "target")}
    done = subprocess.run(
        ["sh", "-c", command], cwd=tree, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    output = done.stdout + done.stderr
    suites = re.findall(r"^test result: .*?(\d+) passed; (\d+) failed", output, re.M)
    if suites:
        failed = sum(int(count) for _, count in suites)
        return done.returncode, failed + sum(int(count) for count, _ in suites), failed
    ran = re.search(r"^Ran (\d+) test", output, re.M)
    failed = sum(int(count) for count in re.findall(r"(?:failures|errors)=(\d+)", output))
    return done.returncode, int(ran[1]) if ran else None, failed


def trial(design, layers, careful):
    """One run of the design's command on the base commit with `layers` over it."""
    exam = scenarios(design / "design.md")
    command = (design / "command").read_text(encoding="utf-8").strip()
    kind = "rust" if command.startswith("cargo") else "python"
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        overlay(design / "base", tree)
        put(exam, tree)
        for layer in layers:
            overlay(layer, tree)
        if careful:
            shutil.rmtree(tree / "tests")
            overlay(design / "base" / "tests", tree / "tests")
            put(exam, tree)
            put(dict([CANARY[kind]]), tree)
        return run(command, tree)


def judged(candidate, expect):
    """What is wrong with a candidate, if something is, and what was seen."""
    design = candidate.parent.parent
    code, repair = candidate / "code", candidate / "repair"
    status, ran, failed = trial(design, [code], False)
    seen = f"{ran} ran, {failed} failed, exit {status}"
    if expect == "broken":
        ok = status != 0 and 1 <= failed <= MOST_BROKEN
        return ok, seen
    if expect == "repaired":
        ok = status != 0 and 1 <= failed <= MOST_BROKEN
        again, ran, failed = trial(design, [code, repair], False)
        seen += f"; repaired: {ran} ran, {failed} failed, exit {again}"
        ok = ok and again == 0
    else:
        ok = status == 0
    layers = [code, repair] if expect == "repaired" else [code]
    status, ran, failed = trial(design, layers, True)
    seen += f"; exam with a canary: {ran} ran, {failed} failed, exit {status}"
    only_the_canary = status != 0 and failed == 1
    return ok and only_the_canary == (expect != "cheat"), seen


def main():
    wanted = sys.argv[1:] or sorted(path.parent.name for path in HERE.glob("*/design.md"))
    wrong = 0
    for name in wanted:
        for candidate in sorted((HERE / name / "candidates").iterdir()):
            expect = (candidate / "expect").read_text(encoding="utf-8").strip()
            ok, seen = judged(candidate, expect)
            wrong += not ok
            print(f"{'ok ' if ok else 'BAD'} {name}/{candidate.name} {expect}: {seen}", flush=True)
    print(f"{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
