#!/usr/bin/env python3
"""Runs the cases: picks them, gives each its folder and its client, prints one line per case.

Started by scripts/e2e.sh, which installs the clients and builds the binaries. As root it moves into a
network namespace that has only loopback, so nothing here can reach any other machine.
Never: builds, installs from a registry, or retries a case that failed.
"""

import argparse
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import accounts  # noqa: F401
import faults  # noqa: F401
import guidance  # noqa: F401
import harness  # noqa: F401
import installing  # noqa: F401
import main_turn  # noqa: F401
import mods  # noqa: F401
import newcomer  # noqa: F401
import outcomes  # noqa: F401
import plugins  # noqa: F401
import races  # noqa: F401
import routing  # noqa: F401
import tui  # noqa: F401
import turbo  # noqa: F401
import verdicts
from client import PROGRAMS, RUNNING, Broken, end_group
from trial import CASES, CLIENTS, Missed, Trial

INSIDE = "SEF_E2E_LOOPBACK_ONLY"
AT_ONCE = 2


def main():
    options = arguments()
    isolated = isolate()
    print(f"network: {'loopback only' if isolated else 'NOT isolated (needs root and unshare)'}", flush=True)
    chosen = [
        (version, c)
        for version in options.client or CLIENTS
        for c in CASES
        if c.suits(version) and (not options.case or any(part in c.name for part in options.case))
    ]
    if not chosen:
        print("e2e: no case of that name for that client; --list shows them", file=sys.stderr)
        sys.exit(2)
    work = Path(tempfile.mkdtemp(prefix="sef-e2e-", dir=options.work))
    if options.bin:
        # On the file system of the cases, which link them.
        options.bin = Path(shutil.copytree(options.bin, work / "bin", dirs_exist_ok=True, ignore=only_programs))
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, stop)
    began, tally = time.monotonic(), {"ok": 0, "FAILED": 0, "SKIPPED": 0}
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        running = [pool.submit(attempt, c, version, options, work) for version, c in chosen]
        for done in as_completed(running):
            verdict, line = done.result()
            tally[verdict] += 1
            print(f"{verdict} {line}", flush=True)
    finally:
        pool.shutdown(cancel_futures=True)
        if options.keep:
            print(f"kept: {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)
    for line in verdicts.table():
        print(line)
    skipped = f", {tally['SKIPPED']} SKIPPED" if tally["SKIPPED"] else ""
    print(f"{tally['ok']} passed, {tally['FAILED']} failed{skipped} in {time.monotonic() - began:.0f} s")
    sys.exit(1 if tally["FAILED"] or not tally["ok"] else 0)


def only_programs(_, names):
    """For copytree: all that is not to be copied."""
    return [name for name in names if name not in PROGRAMS]


def stop(number, _):
    """Ends everything that runs; the cases under way then fail by themselves."""
    for leader in list(RUNNING):
        end_group(leader)
    sys.exit(128 + number)


def arguments():
    parser = argparse.ArgumentParser(description="SEF in the real Claude Code client")
    parser.add_argument("--cache", type=Path, required=True, help="folder with one installed client per version")
    parser.add_argument("--bin", type=Path, help="folder with sef, sef-hook and sef-stats")
    parser.add_argument("--work", type=Path, help="where the cases' folders go; default: the system's temporary folder")
    parser.add_argument("--scripted-home", type=Path, help="a HOME that scripts/install.sh has set up")
    parser.add_argument("--client", action="append", help="only this version (repeatable)")
    parser.add_argument("--case", action="append", metavar="PART", help="only cases whose name holds this (repeatable)")
    parser.add_argument("--keep", action="store_true", help="leave every case's folders behind")
    parser.add_argument("--list", action="store_true", help="name the cases and end")
    options = parser.parse_args()
    if options.list:
        for c in CASES:
            print(f"{c.name}  [{', '.join(c.clients)}]")
        sys.exit(0)
    return options


def isolate():
    """Restarts this program without a network when that is possible; whether it runs so.

    In a process namespace of its own as well, where that works: then nothing can outlive this program.
    """
    if os.environ.get(INSIDE):
        loopback_up()
        return True
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    for kinds in (["--net", "--pid", "--fork", "--kill-child", "--mount-proc"], ["--net"]):
        if subprocess.run(["unshare", *kinds, "true"], capture_output=True, check=False).returncode == 0:
            os.environ[INSIDE] = "1"
            os.execvp("unshare", ["unshare", *kinds, sys.executable, "-B", *sys.argv])
    return False


def loopback_up():
    """Sets IFF_UP on `lo`: a new namespace has it down. 0x8914 is SIOCSIFFLAGS, 0x49 UP, LOOPBACK and RUNNING."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", b"lo", 0x49))


def attempt(claim, version, options, work):
    """Runs one case. Gives its verdict and the rest of its line."""
    name = f"{version}/{claim.name}"
    missing = [tool for tool in claim.tools if not shutil.which(tool)]
    if missing:
        return "SKIPPED", f"{name}: {', '.join(missing)} not found"
    if claim.product and options.bin is None:
        return "SKIPPED", f"{name}: needs SEF's binaries"
    folder = work / version / claim.name
    folder.mkdir(parents=True)
    client = options.cache / version / "node_modules/.bin/claude"
    trial = Trial(claim.name, version, client.absolute(), options.bin, options.scripted_home, folder)
    try:
        with trial.closing:
            evidence = claim.run(trial)
    except (Missed, Broken) as why:
        return "FAILED", f"{name}: {why}{wire(trial)}"
    except Exception as why:  # A bug in a case must not hide the other cases.
        where = traceback.extract_tb(why.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        return "FAILED", f"{name}: {type(why).__name__}: {why} at {place}{wire(trial)}"
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if evidence is None:
        return "SKIPPED", f"{name}: only where scripts/install.sh did the installing"
    return "ok", f"{name}: {evidence}"


def wire(trial):
    """What the API was asked in the last session of a failed case, in short."""
    if not trial.sessions:
        return ""
    seen = [f"{s.kind}:{s.family}{'' if s.status == 200 else f'({s.status})'}" for s in trial.sessions[-1].api.seen]
    return f" [wire: {' '.join(seen) or 'no request'}]"


if __name__ == "__main__":
    main()
