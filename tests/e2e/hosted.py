"""The hosted service of a case: tests/hosted/server.py on loopback, and SEF's MCP server registered with the client.

Owns: starting and ending the service, its log, the key that it wants, and how the client comes to know `sef mcp`.
Never: reaches any other machine, or decides whether a test passed.
"""

import json
import subprocess
import sys
from pathlib import Path

from client import RUNNING, Broken, end_group

SERVER = Path(__file__).parents[1] / "hosted/server.py"
# No real key: it is looked for everywhere afterwards, so it must be a word that nothing else holds.
KEY = "csk-e2e-canary-5d1f0b7a93"
VARIABLE = "CEREBRAS_API_KEY"
NAME = "speed-run"


class Service:
    """The service, which plays the steps that the head of its file explains. Use as a context manager."""

    def __init__(self, log, steps):
        self.log = log
        # Outside the client's folders: nothing of the client may find it.
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(SERVER), "--script", json.dumps(list(steps)), "--log", str(log), "--key", KEY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        RUNNING.add(self.process.pid)
        self.url = self.process.stdout.readline().strip()

    def __enter__(self):
        if not self.url:
            raise Broken("the hosted service did not start")
        return self

    def __exit__(self, *_):
        end_group(self.process.pid)
        RUNNING.discard(self.process.pid)
        self.process.communicate()

    def asked(self):
        """Every request that arrived, headers and body."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def orders(self):
        """The bodies of the requests for code."""
        return [one["body"] for one in self.asked() if one["method"] == "POST"]


def connect(t, home, steps):
    """A service for that home, which the client's children find by its address and reach with the key."""
    service = t.closing.enter_context(Service(home.root / "hosted.jsonl", steps))
    home.env["CEREBRAS_BASE_URL"] = service.url
    return service


def register(home, *wrapper, **env):
    """Makes the client know `sef mcp`, for all projects of this user; behind `wrapper` when there is one."""
    words = [str(word) for word in (*wrapper, home.bin / "sef", "mcp")]
    entry = {"type": "stdio", "command": words[0], "args": words[1:], "env": env}
    run = home.command(home.client, "mcp", "add-json", "--scope", "user", NAME, json.dumps(entry))
    if run.code != 0:
        raise Broken(f"claude mcp add-json: exit {run.code}: {run.out.strip()[:200]} {run.err.strip()[:200]}")
