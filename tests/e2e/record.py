#!/usr/bin/env python3
"""Records what clients give their hooks, or compares a client with the newest recorded one.

Started by scripts/record-payloads.sh, which installs the clients. As root it moves into a network namespace that has
only loopback. Writes OUT/VERSION/*.json, or with --compare nothing.
"""

import argparse
import getpass
import json
import os
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

from capture import capture
from run import isolate
from scrub import Scrubber, differences, one_of_each

# Limits of what is checked in, in bytes.
ONE_FILE, ALL_FILES = 10_000, 300_000
# What is hooked when a client's own list is not found in it.
EVENTS = (
    "SessionStart UserPromptSubmit PreToolUse PostToolUse PostToolUseFailure PermissionDenied PermissionRequest "
    "SubagentStart SubagentStop Stop StopFailure SessionEnd PostModelSwitch Notification PreCompact PostCompact"
).split()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("versions", nargs="+")
    options = parser.parse_args()
    isolated = isolate()
    print(f"network: {'loopback only' if isolated else 'NOT isolated (needs root and unshare)'}", flush=True)
    differ = [one(version, options) for version in options.versions]
    sys.exit(1 if any(differ) else 0)


def one(version, options):
    """Records or compares one client; whether it differs."""
    began = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix="sef-rec-"))
    client = (options.cache / version / "node_modules/.bin/claude").absolute()
    try:
        captured = capture(client, version, EVENTS, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    scrubber = Scrubber(captured.roots)
    files = {name: scrubber.value(payload) for name, payload in one_of_each(captured.payloads)}
    for missed in captured.missed:
        print(f"{version}: not recorded: {missed}")
    took = f"{len(captured.payloads)} events in {time.monotonic() - began:.0f} s"
    if options.compare:
        recorded = newest(options.out)
        lines = differences(stored(options.out / recorded), {"client": captured.client, "payloads": files.values()})
        print(f"{version} against {recorded} as recorded ({took}; - gone, + new, ~ of another type)")
        print("\n".join(lines) or "no difference")
        return bool(lines)
    texts = {name: json.dumps(value, indent=2) + "\n" for name, value in files.items()}
    texts["client"] = json.dumps(captured.client, indent=2) + "\n"
    check(version, texts)
    keep(options.out / version, texts)
    size = sum(map(len, texts.values()))
    print(f"{version}: {len(files)} payloads of {took}, {size} bytes in {options.out / version}")
    return False


def newest(folder):
    """The newest version that is recorded."""
    return max((path.name for path in folder.iterdir()), key=lambda name: [int(n) for n in name.split(".")])


def stored(folder):
    """A recorded client, as `differences` takes it."""
    values = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    return {"client": values.pop("client"), "payloads": list(values.values())}


def check(version, texts):
    """Refuses what is too long or still holds anything of this machine."""
    mine = {socket.gethostname(), os.uname().release, str(Path.cwd())}
    if getpass.getuser() != "root":
        mine.add(getpass.getuser())
    for name, text in texts.items():
        found = [word for word in mine if word and word in text] + ["sef-rec-"] * ("sef-rec-" in text)
        if found:
            sys.exit(f"record: {version}/{name} still holds {found}")
        if len(text) > ONE_FILE:
            sys.exit(f"record: {version}/{name} has {len(text)} bytes, more than {ONE_FILE}")
    if sum(map(len, texts.values())) > ALL_FILES // 3:
        sys.exit(f"record: {version} is larger than a third of {ALL_FILES} bytes")


def keep(folder, texts):
    """Replaces a version's folder."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / f"{name}.json").write_text(text)


if __name__ == "__main__":
    main()
