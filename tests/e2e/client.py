"""One isolated run of the real client: its own HOME, a cleared environment, the scripted API.

Owns: the folders of a case, starting the client (print mode) and SEF's commands in it, reading back
what the client wrote (its JSON result, its transcripts).
Never: passes anything of the caller's environment on, or leaves a process behind.
"""

import json
import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from api import Api

PROGRAMS = ("sef", "sef-hook", "sef-stats")
CLIENT_SECONDS = 60
COMMAND_SECONDS = 30
# Leaders of the process groups that are running now, for whoever has to end everything at once.
RUNNING: set[int] = set()


@dataclass
class Run:
    """What one process gave."""

    code: int | None
    out: str
    err: str

    def result(self):
        """The client's JSON result; raises `Broken` when it printed none."""
        try:
            return json.loads(self.out)
        except ValueError:
            raise Broken(f"the client printed no JSON (exit {self.code}): {self.out[:300]} {self.err[:300]}") from None


class Broken(Exception):
    """A step that a case rests on did not work: the case fails with this text."""


@dataclass
class Home:
    """The folders and the environment of one case."""

    root: Path
    client: Path
    api: Api
    env: dict = field(default_factory=dict)

    def __post_init__(self):
        self.home = self.root / "home"
        self.claude = self.home / ".claude"
        self.project = self.home / "project"
        self.bin = self.home / ".local/bin"
        self.state = self.home / ".local/state/sef"
        for folder in (self.project, self.claude, self.root / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        self.write("project/hello.txt", "hello\n")
        self.write("project/src/net.py", "import config\nPORT = 8080\n")
        subprocess.run(["git", "init", "-q", self.project], env=self.environment(), check=False, timeout=20)

    def environment(self):
        """All that a process of this case gets: nothing is inherited."""
        return {
            "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(self.home),
            "TMPDIR": str(self.root / "tmp"),
            "CLAUDE_CONFIG_DIR": str(self.claude),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "SHELL": "/bin/bash",
            "ANTHROPIC_BASE_URL": self.api.url,
            "ANTHROPIC_API_KEY": "dummy-key",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "IS_SANDBOX": "1",
            **self.env,
        }

    def write(self, rest, text):
        """Writes a file below HOME, with its folders."""
        path = self.home / rest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def settings(self, **values):
        """Adds top-level keys to the user's settings.json."""
        path = self.claude / "settings.json"
        now = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**now, **values}, indent=2) + "\n")

    def install(self, binaries):
        """Puts the built binaries into this HOME and lets SEF install itself.

        They are linked: a copy that is being written while another case forks cannot be run (ETXTBSY).
        """
        self.bin.mkdir(parents=True, exist_ok=True)
        for name in PROGRAMS:
            os.link(binaries / name, self.bin / name)
        # A client that the machine has besides would be asked to register the MCP server; cases do that themselves.
        run = self.command(self.bin / "sef", "install", "--user", "--no-turbo")
        if run.code != 0:
            raise Broken(f"sef install --user: exit {run.code}: {run.err.strip()[:300]}")

    def ask(self, prompt, *args, model="opus", **env):
        """`claude -p PROMPT` to its end; `--output-format json` unless the arguments name a format."""
        argv = [self.client, "-p", prompt, "--debug-file", self.root / "debug.log"]
        if model:
            argv += ["--model", model]
        if "--output-format" not in args:
            argv += ["--output-format", "json"]
        return self.command(*argv, *args, seconds=CLIENT_SECONDS, **env)

    def report(self):
        """`sef-stats report --json` as a value."""
        return self.stats("report")

    def audit(self):
        """`sef-stats audit --json` as a value."""
        return self.stats("audit")

    def stats(self, name):
        """One of the commands of sef-stats, as a value."""
        run = self.command(self.bin / "sef-stats", name, "--json")
        if run.code != 0:
            raise Broken(f"sef-stats {name} --json: exit {run.code}: {run.err.strip()[:300]}")
        return json.loads(run.out)

    def command(self, *argv, seconds=COMMAND_SECONDS, **env):
        """Runs a program in the project, in a process group of its own that is gone afterwards."""
        process = subprocess.Popen(
            [str(a) for a in argv],
            cwd=self.project,
            env={**self.environment(), **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        RUNNING.add(process.pid)
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Broken(f"no end after {seconds} s: {' '.join(str(a) for a in argv)[:200]}") from None
        finally:
            end_group(process.pid)
            RUNNING.discard(process.pid)
        return Run(process.returncode, out, err)

    def transcripts(self):
        """The sessions' own transcripts, oldest first."""
        found = self.claude.glob("projects/*/*.jsonl")
        return sorted(found, key=lambda p: p.stat().st_mtime)

    def agent_transcripts(self):
        """The subagents' transcripts, oldest first."""
        found = self.claude.glob("projects/*/*/subagents/agent-*.jsonl")
        return sorted(found, key=lambda p: p.stat().st_mtime)

    def lines(self, kind=None):
        """The lines of the sessions' transcripts as values; of one type when named."""
        # A line without an end is still being written.
        texts = [x for p in self.transcripts() for x in p.read_text().split("\n")[:-1] if x.strip()]
        every = [json.loads(x) for x in texts]
        return [x for x in every if kind is None or x.get("type") == kind]

    def contexts(self, event):
        """What hooks of that event gave the model, one text per hook answer, as the client recorded it."""
        given = []
        for line in self.lines("attachment"):
            note = line.get("attachment") or {}
            named = note.get("hookEvent") or note.get("hookName") or ""
            if note.get("type") == "hook_additional_context" and named.startswith(event):
                content = note.get("content")
                given.append("\n".join(content) if isinstance(content, list) else str(content))
        return given


def end_group(pid):
    """Ends whatever is left of a process group that this harness started."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
