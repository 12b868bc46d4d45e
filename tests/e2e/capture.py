"""What a client gives its hooks, and what it says of itself: scripted sessions with a hook on every event.

Owns: the sessions (print mode, and the interactive client where tmux is there), the hook that keeps what it got, and
the events and tools that a client knows. SEF has no part in it.
Never: judges or changes what was captured (scrub.py does), or opens anything but loopback.
"""

import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from api import NOTIFICATION, Api, Script, call, http_error, spawn
from client import Broken, Home
from trial import GREETING, LOOKUP, OTHER_LOOKUP, PORT
from tui import Screen

# A hook on WorktreeCreate has to make the worktree; one on MessageDisplay slows every line down.
NOT_HOOKED = ("MessageDisplay", "WorktreeCreate", "WorktreeRemove")
# Renamed in place, so that a payload is there whole or not at all.
HOOK = """
import os, sys, time
name = f"{sys.argv[1]}/{time.time_ns()}-{os.getpid()}"
with open(name + ".part", "wb") as kept:
    kept.write(sys.stdin.buffer.read())
os.rename(name + ".part", name + ".json")
"""
# A server that bears the name of SEF's, so that the tool's name is the one that SEF looks for.
SERVER = """
import json, sys
tool = {"name": "generate", "description": "writes code", "_meta": {"anthropic/alwaysLoad": True},
        "inputSchema": {"type": "object", "properties": {"prompt": {"type": "string"}}}}
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    answers = {
        "initialize": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                       "serverInfo": {"name": "speed-run", "version": "1"}},
        "tools/list": {"tools": [tool]},
        "tools/call": {"content": [{"type": "text", "text": "generated"}]},
    }
    known = answers.get(asked["method"])
    rest = {"result": known} if known else {"error": {"code": -32601, "message": "unknown method"}}
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **rest}), flush=True)
"""
TOOLS, AGENTS, LATER, FAIL, REFUSED, PACK = (
    f"record {what}" for what in ("tools", "agents", "background", "failure", "refusal", "compaction")
)
# A dialog's first choice, under the pointer.
CHOICE = r"❯ 1\."
ALLOWED = ("--allowedTools", "Bash,Write,Edit,mcp__speed-run,Agent,Task")


@dataclass
class Captured:
    """What one client gave: payloads as (mode, value), itself, and which step did not come about."""

    payloads: list = field(default_factory=list)
    client: dict = field(default_factory=dict)
    missed: list = field(default_factory=list)
    roots: list = field(default_factory=list)


def known_events(client):
    """The events that a client lists in its own program, which is one file; empty when none is found."""
    lists = re.findall(rb'"PreToolUse","PostToolUse"(?:,"[A-Za-z]+")+', client.resolve().read_bytes())
    return sorted(json.loads(b"[" + max(lists, key=len) + b"]")) if lists else []


def capture(client, version, events, work):
    """Runs all sessions of one client. `events`: what to hook when it lists none itself."""
    known = known_events(client)
    captured = Captured(client={"version": version, "events": known})
    # An event that it does not know would open a dialog.
    hooked = sorted({*(known or events)} - {*NOT_HOOKED})
    runs = [("print", printed)] + ([("tui", interactive)] if shutil.which("tmux") else [])
    for mode, run in runs:
        root = work / version / mode / "0"
        root.mkdir(parents=True)
        with Api(script()) as api:
            home = Home(root, client, api)
            prepare(home, hooked)
            steps = Steps(home, captured.missed, mode)
            run(home, steps, hooked)
            captured.client[f"tools_{mode}"], captured.client[f"agent_{mode}"] = offered(api)
        captured.roots.append(root)
        texts = [path.read_text() for path in sorted(kept(home))]
        captured.payloads += [(mode, json.loads(text)) for text in texts]
    if len(runs) == 1:
        captured.missed.append("the interactive client: no tmux")
    return captured


def script():
    """What everybody is answered."""
    bad = http_error(404, "not_found_error", "model: not there")
    return Script(
        {
            NOTIFICATION: ["noted"],
            TOOLS: [
                call("Read", file_path="hello.txt"),
                call("Read", file_path="missing.txt"),
                call("Bash", command="cd src && pwd", description="Go to src"),
                call("Write", file_path="note.txt", content="a note\n"),
                call("mcp__speed-run__generate", prompt="a contract"),
                "done",
            ],
            AGENTS: [
                spawn(LOOKUP),
                spawn(OTHER_LOOKUP),
                spawn(LOOKUP, agent="no-such-agent"),
                "done",
            ],
            LATER: [spawn(LOOKUP, background=True), "waiting"],
            REFUSED: [spawn(LOOKUP), "done"],
            FAIL: [bad],
            PACK: ["long talk"],
        },
        {GREETING: [call("Read", file_path="hello.txt"), "hello.txt:1"], PORT: [bad]},
        side="a summary",
    )


def prepare(home, events):
    """The hook on every event, a command, a memory file and the server."""
    folder = home.root / "kept"
    folder.mkdir()
    command = f"python3 -I {home.write('keep.py', HOOK)} {folder}"
    entry = {"hooks": [{"type": "command", "command": command}]}
    home.settings(hooks={event: [entry] for event in events})
    home.write("project/CLAUDE.md", "Nothing to note.\n")
    home.write("project/.claude/commands/recorded.md", f"{TOOLS} $ARGUMENTS\n")
    server = home.write("server.py", SERVER)
    added = home.command(home.client, "mcp", "add", "--scope", "user", "speed-run", "--", "python3", "-I", server)
    if added.code != 0:
        raise Broken(f"claude mcp add: {added.err.strip()[:200]}")


def kept(home):
    """The files that the hook wrote, oldest first."""
    return sorted((home.root / "kept").glob("*.json"))


@dataclass
class Steps:
    """Does one thing after another; what does not come about is noted, not raised."""

    home: Home
    missed: list
    mode: str

    def do(self, name, step):
        """Runs a step and gives what it gives; none when it did not come about."""
        try:
            return step()
        except Broken as why:
            self.missed.append(f"{self.mode}, {name}: {why}")
            return None

    def seen(self, **wanted):
        """Whether the hook was given an event with these fields."""
        values = (json.loads(path.read_text()) for path in kept(self.home))
        return any(all(value.get(key) == word for key, word in wanted.items()) for value in values)


def printed(home, steps, _):
    """`claude -p`: tools, subagents, a session that goes on, failures."""
    first = steps.do("tools", lambda: home.ask(TOOLS, *ALLOWED).result())
    steps.do("agents", lambda: home.ask(AGENTS, *ALLOWED).result())
    session = (first or {}).get("session_id")
    if session:
        steps.do("background", lambda: home.ask(LATER, *ALLOWED, "--resume", session).result())
        steps.do("fork", lambda: home.ask("/recorded again", "--resume", session, "--fork-session").result())
    steps.do("refusal", lambda: home.ask(REFUSED, "--permission-mode", "auto").result())
    steps.do("failure", lambda: home.ask(FAIL).result())


def interactive(home, steps, hooked):
    """The client in tmux: a background agent, a permission, a model, a compaction, a new conversation."""
    with Screen(home) as screen:

        def until(event, **more):
            screen.wait(event, lambda: steps.seen(hook_event_name=event, **more))

        def permission():
            screen.say(TOOLS)
            until("PermissionRequest")
            screen.wait("question", lambda: re.search(CHOICE, screen.text()))
            screen.press("Escape")
            screen.wait("end of the question", lambda: not re.search(CHOICE, screen.text()))

        def switch():
            screen.say("/model haiku")
            screen.wait("answer to /model", lambda: re.search("Yes, switch to|(?i:set model to)", screen.text()))
            if "Yes, switch to" in screen.text():
                screen.press("Enter")
            until("PostModelSwitch")

        def agent():
            screen.say(LATER)
            screen.heard(NOTIFICATION)
            screen.wait("answer on the screen", lambda: "noted" in screen.text())

        def compact():
            screen.say("/compact")
            until("PostCompact")

        def clear():
            screen.say("/clear")
            until("SessionStart", source="clear")

        def leave():
            screen.say("/exit")
            screen.wait("end", lambda: screen.ended.exists() and screen.ended.read_text().strip())

        run = [agent, compact, *([switch] if "PostModelSwitch" in hooked else []), permission, clear, leave]
        for step in run:
            if not steps.do(step.__name__, lambda step=step: step() or True):
                return


def offered(api):
    """The tools that the orchestrator was offered, and the fields of the one that spawns with their types or choices."""
    tools = {t["name"]: t for s in api.main() for t in s.body.get("tools") or [] if "name" in t}
    agent = tools.get("Agent") or tools.get("Task") or {}
    fields = (agent.get("input_schema") or {}).get("properties") or {}
    said = {name: about.get("enum") or about.get("type") for name, about in sorted(fields.items())}
    return sorted(tools), said
