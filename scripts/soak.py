"""A soak of the hook and what stands beside it; called by scripts/soak.sh. Python's standard library only.

Eight workers play sessions in a throw-away home: each event is written into a pipe before the registered command is started,
as `sh -c` starts it, within 64 MB of address space. Meanwhile hooks and installers are killed with signal 9 at random
moments, the programs are replaced by rename, SEF is installed and uninstalled, reports and status lines are made, and the log
rotates every few seconds. Each event has a prompt id of its own, so that each record tells which event it is from. Rotated
logs are kept aside by hard links before the log's cap removes them: only so can every record be counted.

Exit 0 when every check held, 1 when one did not, 2 when it could not run.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

SESSION = ["SessionStart.startup", "UserPromptSubmit", "PreToolUse.Agent", "SubagentStart", "SubagentStop",
           "PostToolUse.Agent", "UserPromptSubmit", "PreToolUse.Agent", "PostToolUseFailure.Agent", "Stop",
           "UserPromptSubmit.notification", "Stop", "SessionEnd"]
"""What a session sends, in order; the names of files in tests/payloads."""
SESSIONS_EACH = 8
"""Session ids of a worker, used in turn: the memory of sessions must not grow with their number of events."""
PROMPTS = ["Find all files that import config", "fix the failing login test and add another", "redesign the auth system",
           "that is wrong, do it again", "find the callers, fix them and then run the tests"]
OTHERS = {"model": "opus", "big": 123456789012345678901, "hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [
    {"type": "command", "command": "/bin/true", "timeout": 5}]}]}, "permissions": {"allow": ["Bash(ls:*)"]}}
"""What other programs have in the settings; must be there in every moment."""
LOG_BYTES, LOG_KEEP = 48_000, 8
KILLED_HOOKS = 0.02
ADDRESS_SPACE_KB = 65_536
MINE = "/sef-hook'"
"""What every command of ours holds."""


class Soak:
    def __init__(self, built, payloads, home, arguments):
        self.built, self.home, self.arguments = pathlib.Path(built), home, arguments
        self.payloads = {name: json.loads((pathlib.Path(payloads) / f"{name}.json").read_text()) for name in set(SESSION)}
        self.state, self.settings = home / "state", home / ".claude/settings.json"
        self.archive = home / "archive"
        self.env = {"HOME": str(home), "PATH": "/usr/bin:/bin", "SEF_STATE_DIR": str(self.state),
                    "SEF_CONFIG_DIR": str(home / "config"), "SEF_BIN_DIR": str(home / "bin"),
                    "CLAUDE_CONFIG_DIR": str(home / ".claude")}
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.acknowledged, self.killed = {}, set()
        self.times, self.faults = [], []
        self.counts = collections.Counter()
        self.sizes = []
        self.archived = {}
        self.grown = []

    def fault(self, what):
        with self.lock:
            if len(self.faults) < 20:
                self.faults.append(what)
            self.counts["faults"] += 1

    def prepare(self):
        for folder in ("bin", "config", ".claude", "archive", "project"):
            (self.home / folder).mkdir(parents=True)
        (self.home / "config/config.toml").write_text(f"[log]\nmax_bytes = {LOG_BYTES}\nkeep = {LOG_KEEP}\n")
        for name in ("sef", "sef-hook", "sef-stats"):
            shutil.copy2(self.built / name, self.home / "bin" / name)
        self.settings.write_text(json.dumps(OTHERS, indent=2) + "\n")
        self.sef("install", "--no-turbo")
        hooks = json.loads(self.settings.read_text())["hooks"]
        self.command = next(handler["command"] for group in hooks["PreToolUse"] for handler in group["hooks"]
                            if MINE in handler["command"])

    def sef(self, *words):
        done = subprocess.run([self.home / "bin/sef", *words], env=self.env, cwd=self.home / "project", text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)
        if "did not answer within" in done.stderr:
            # The machine was too busy for the live check at the end of an install; the install itself was done.
            self.counts["live checks that took longer than 5 s"] += 1
        elif done.returncode != 0:
            self.fault(f"sef {' '.join(words)}: {done.returncode}: {done.stderr.strip()}")
        return done

    def hook(self, event, kill_after=None):
        """Runs the registered command; True when it ended by itself."""
        stdin, write = os.pipe()
        os.write(write, json.dumps(event).encode())
        os.close(write)
        began = time.perf_counter()
        process = subprocess.Popen(["/bin/sh", "-c", f"ulimit -v {ADDRESS_SPACE_KB}; {self.command}"], env=self.env,
                                   cwd=self.home / "project", stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(stdin)
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        out, err = process.communicate()
        took = time.perf_counter() - began
        if process.returncode == -signal.SIGKILL and kill_after is not None:
            return False
        if process.returncode != 0 or err:
            self.fault(f"{event['hook_event_name']}: {process.returncode} {err[:200]}")
        if out:
            try:
                json.loads(out)
                self.counts["replies"] += 1
            except ValueError:
                self.fault(f"{event['hook_event_name']}: no JSON: {out[:200]}")
        self.times.append(took)
        return True

    def worker(self, number):
        chance = random.Random(number)
        sequence = 0
        pause = 1 / self.arguments.rate
        while not self.stop.is_set():
            session = f"soak-{number}-{sequence % SESSIONS_EACH}"
            for name in SESSION:
                if self.stop.is_set():
                    return
                sequence += 1
                due = time.monotonic() + pause
                key = f"e{number}-{sequence}"
                event = dict(self.payloads[name], session_id=session, prompt_id=key)
                if name == "UserPromptSubmit":
                    event["prompt"] = f"{chance.choice(PROMPTS)} {sequence}"
                if "tool_use_id" in event:
                    event["tool_use_id"] = f"toolu_{number}_{sequence // len(SESSION)}"
                kill = chance.random() * 0.012 if chance.random() < KILLED_HOOKS else None
                ended = self.hook(event, kill)
                with self.lock:
                    if ended:
                        self.acknowledged[key] = name
                    else:
                        self.killed.add(key)
                self.stop.wait(max(0.0, due - time.monotonic()))

    def upgrader(self):
        """Puts a new copy of each program in place, as install.sh does."""
        while not self.stop.wait(0.7):
            for name in ("sef-hook", "sef", "sef-stats"):
                temp = self.home / f"bin/.{name}.new"
                # By a process of its own: a thread's fork would hold the copy open for writing, and it could not be run.
                subprocess.run(["cp", "-p", self.built / name, temp], check=True)
                os.rename(temp, self.home / "bin" / name)
            self.counts["upgrades"] += 1

    def installer(self):
        chance = random.Random(99)
        while not self.stop.wait(0.3):
            words = ["install", "--no-turbo"] if chance.random() < 0.6 else ["uninstall"]
            if chance.random() < 0.5:
                process = subprocess.Popen([self.home / "bin/sef", *words], env=self.env, cwd=self.home / "project",
                                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(chance.random() * 0.05)
                process.kill()
                self.counts["installers killed"] += process.wait() == -signal.SIGKILL
            else:
                self.sef(*words)
                self.counts["installs and uninstalls"] += 1

    def watcher(self):
        """Looks at the settings all the time: sound, and the others' part as it was."""
        while not self.stop.wait(0.01):
            try:
                found = without_ours(json.loads(self.settings.read_text()))
            except (OSError, ValueError) as error:
                self.fault(f"settings: {error}")
                continue
            if found != OTHERS:
                self.fault(f"settings changed: {json.dumps(found)[:300]}")
            self.counts["looks at the settings"] += 1

    def reader(self):
        line = json.dumps({"session_id": "soak-0-0", "model": {"id": "claude-opus-5-5"}, "cost": {"total_cost_usd": 0.5}})
        while not self.stop.wait(2):
            for words, given in ((["bin/sef-stats", "report", "--json"], ""), (["bin/sef", "statusline"], line)):
                done = subprocess.run([self.home / words[0], *words[1:]], env=self.env, cwd=self.home / "project",
                                      input=given, text=True, capture_output=True)
                if done.returncode != 0 or done.stderr:
                    self.fault(f"{words}: {done.returncode} {done.stderr[:200]}")
                self.counts["reports and status lines"] += 1

    def keep_logs(self):
        """Keeps every file of the log by a second name, before the cap removes it."""
        for entry in os.scandir(self.state):
            if not entry.name.startswith("log"):
                continue
            try:
                inode = entry.inode()
                if inode not in self.archived:
                    os.link(entry.path, self.archive / "next")
                    inode = os.stat(self.archive / "next").st_ino
                    os.rename(self.archive / "next", self.archive / str(inode))
                    self.archived[inode] = True
            except FileNotFoundError:
                continue

    def archivist(self):
        began = time.monotonic()
        while not self.stop.wait(0.2):
            self.keep_logs()
            elapsed = time.monotonic() - began
            if not self.sizes or elapsed > self.sizes[-1][0] + 1:
                self.sizes.append((elapsed, *folder_size(self.state)))

    def run(self):
        threads = [threading.Thread(target=self.worker, args=(number,)) for number in range(self.arguments.sessions)]
        threads += [threading.Thread(target=job) for job in
                    (self.upgrader, self.installer, self.watcher, self.reader, self.archivist)]
        for thread in threads:
            thread.start()
        time.sleep(self.arguments.minutes * 60)
        self.stop.set()
        for thread in threads:
            thread.join()
        self.keep_logs()

    def check_records(self, expected):
        seen, torn = collections.Counter(), 0
        for path in self.archive.iterdir():
            for line in path.read_bytes().split(b"\n"):
                if not line:
                    continue
                try:
                    record = json.loads(line)
                except ValueError:
                    torn += 1
                    continue
                if record.get("why") == "panic" or record["e"] == "fault":
                    self.fault(f"a fault was recorded: {line[:200]}")
                seen[record.get("p"), record["e"]] += 1
        for key, name in self.acknowledged.items():
            if seen[key, expected[name]] != 1:
                self.fault(f"{name} {key}: {seen[key, expected[name]]} records")
        # What an event leaves besides its own record (a refusal that was found out, say) is there once too.
        twice = [key for key, count in seen.items() if count > 1]
        if twice:
            self.fault(f"recorded twice: {twice[:5]}")
        # The installer's live check leaves no record; whatever else is there was not asked for.
        strangers = [key for key, _ in seen if key not in self.acknowledged and key not in self.killed]
        if strangers:
            self.fault(f"records of nothing: {strangers[:5]}")
        if torn > len(self.killed):
            self.fault(f"{torn} torn lines and only {len(self.killed)} killed writers")
        self.counts["torn lines of killed hooks"] = torn
        self.counts["killed hooks with a record"] = len(self.killed & {key for key, _ in seen})
        self.counts["records"] = sum(seen.values())

    def check_end(self):
        self.sef("install", "--no-turbo")
        self.sef("uninstall")
        if json.loads(self.settings.read_text()) != OTHERS:
            self.fault("settings are not as they were")
        left = [str(path.relative_to(self.home)) for path in (self.home / ".claude").rglob("*") if path != self.settings]
        if left:
            self.fault(f"left in the Claude folder: {left}")
        time.sleep(1)
        stray = processes_of(self.home)
        if stray:
            self.fault(f"processes are left: {stray}")
        self.check_growth()

    def check_growth(self):
        """Nothing may grow once every session and every old log has its file: from the second minute on, in a short run from
        two fifths of it. By medians, since a live check has a rule cache of its own for as long as it takes."""
        last = self.arguments.minutes * 60
        settled = min(120.0, last * 0.4)
        middle = (last + settled) / 2
        early = [size for second, *size in self.sizes if settled <= second < middle]
        late = [size for second, *size in self.sizes if second >= middle]
        for place, what in enumerate(("files", "bytes")):
            before, after = (statistics.median(size[place] for size in part) for part in (early, late))
            self.grown.append(f"{what} {before:.0f} then {after:.0f}")
            if after > before * 1.1:
                self.fault(f"{what} in the state folder grow: {before:.0f}, later {after:.0f}")

    def report(self):
        times = sorted(self.times)
        at = lambda share: times[min(len(times) - 1, int(len(times) * share))] * 1000
        self.counts["rotations"] = max(0, len(self.archived) - 1)
        print(f"minutes {self.arguments.minutes:g}, sessions at once {self.arguments.sessions}")
        print(f"events answered {len(self.acknowledged)}, hooks killed {len(self.killed)}")
        for name in ("records", "replies", "rotations", "torn lines of killed hooks", "killed hooks with a record",
                     "upgrades", "installs and uninstalls", "live checks that took longer than 5 s", "installers killed", "looks at the settings",
                     "reports and status lines", "faults"):
            print(f"{name} {self.counts[name]}")
        print(f"hook, sh included: p50 {at(0.5):.1f} ms, p99 {at(0.99):.1f} ms, longest {at(1):.0f} ms")
        print(f"state folder: at most {max(files for _, files, _ in self.sizes)} files, "
              f"{max(size for *_, size in self.sizes) // 1024} kB; at the end {self.sizes[-1][1]} files, "
              f"{self.sizes[-1][2] // 1024} kB; medians of both halves: {', '.join(self.grown)}")
        for fault in self.faults:
            print(f"FAULT {fault}")

    def expected(self):
        """The kind of record that each event leaves, by one of each before anything else happens."""
        kinds = {}
        for name, payload in self.payloads.items():
            key = f"first-{name.replace('.', '-')}"
            self.hook(dict(payload, session_id=key, prompt_id=key))
            self.acknowledged[key] = name
            lines = [json.loads(line) for line in (self.state / "log.jsonl").read_text().splitlines()]
            kinds[name] = next((line["e"] for line in lines if line.get("p") == key), None)
        return kinds


def without_ours(settings):
    """The settings without SEF's entries and what only held them."""
    hooks = {}
    for event, groups in settings.get("hooks", {}).items():
        kept = [group for group in groups if not any(MINE in handler["command"] for handler in group["hooks"])]
        if kept:
            hooks[event] = kept
    return dict(settings, hooks=hooks)


def folder_size(folder):
    sizes = []
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                sizes.append(path.stat().st_size)
        except OSError:
            continue
    return len(sizes), sum(sizes)


def processes_of(home):
    """Processes with our throw-away home in their environment."""
    found, mark = [], f"HOME={home}\0".encode()
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("built")
    parser.add_argument("payloads")
    parser.add_argument("minutes", nargs="?", type=float, default=10)
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--rate", type=float, default=5, help="events a second of each session, at most")
    arguments = parser.parse_args()
    home = pathlib.Path(tempfile.mkdtemp(prefix="sef-soak-"))
    soak = Soak(arguments.built, arguments.payloads, home, arguments)
    try:
        soak.prepare()
        expected = soak.expected()
        if not all(expected.values()):
            print(f"soak: an event leaves no record: {expected}", file=sys.stderr)
            return 2
        soak.run()
        soak.check_records(expected)
        soak.check_end()
        soak.report()
    finally:
        soak.stop.set()
        shutil.rmtree(home, ignore_errors=True)
    return 1 if soak.counts["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
