"""Cases: the interactive client, driven through tmux. There every subagent runs in the background.

Waiting is always for something: a word on the screen, a request at the API, a line in a transcript, the end.
"""

import contextlib
import json
import re
import shlex
import subprocess
import tempfile
import time

from api import NOTIFICATION, spawn
from client import RUNNING, Broken
from trial import (
    BUILD, DURATION, GREETING, LOOKUP, NEUTRAL, NEWEST, SEARCH,
    case, expect, expect_that, hints,
)  # fmt: skip

PATIENCE = 25
STEP = 0.1


class Screen:
    """One interactive client in a tmux server of its own."""

    def __init__(self, home, *args):
        self.home = home
        # A socket's path may have about a hundred bytes: the case's own folder is too deep for it.
        self.socket = tempfile.mkdtemp(prefix="t", dir=home.root.parents[2]) + "/s"
        self.ended = home.root / "exit-code"
        introduce(home)
        words = [home.client, "--model", "opus", "--permission-mode", "default", "--debug-file", home.root / "tui.log"]
        line = " ".join(shlex.quote(str(w)) for w in [*words, *args])
        self.tmux(
            "-f", "/dev/null", "new-session", "-d", "-s", "e2e", "-x", "150", "-y", "50", "-c", str(home.project),
            f"{line} 2>{home.root}/tui.err; echo $? >{self.ended}",
        )  # fmt: skip
        self.server = int(self.tmux("display-message", "-p", "#{pid}"))
        RUNNING.add(self.server)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # The server is gone already when the client ended by itself.
        with contextlib.suppress(Broken, subprocess.SubprocessError):
            self.tmux("kill-server")
        RUNNING.discard(self.server)

    def tmux(self, *args):
        command = ["tmux", "-S", self.socket, *args]
        environment = self.home.environment()
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, check=False)
        if run.returncode != 0:
            raise Broken(f"tmux {args[0]}: {run.stderr.strip()[:200]}{self.last_words()}")
        return run.stdout

    def last_words(self):
        """What the client left on stderr, when it has ended."""
        errors = self.home.root / "tui.err"
        return f"; the client ended: {errors.read_text()[:300]}" if self.ended.exists() else ""

    def text(self):
        return self.tmux("capture-pane", "-p", "-t", "e2e")

    def wait(self, what, condition):
        """Polls until the condition holds; `what` names it when it does not."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                shown = re.sub(r"[─▔\s]+", " ", self.text())[-600:]
                raise Broken(f"no {what} within {PATIENCE} s; the screen: {shown}")
            time.sleep(STEP)

    def say(self, words):
        """Types a line and sends it once the client shows it."""
        self.wait("input line", lambda: re.search(r"^\s*(│\s*)?[>❯]", self.text(), re.MULTILINE))
        self.tmux("send-keys", "-t", "e2e", "-l", words)
        self.wait(f"echo of {words[:20]!r}", lambda: words[:40] in self.text())
        self.press("Enter")

    def press(self, key):
        """Sends one key."""
        self.tmux("send-keys", "-t", "e2e", key)

    def heard(self, key):
        """Waits for a request of the orchestrator that the script's key answers."""
        self.wait(f"request for {key!r}", lambda: any(s.key == key for s in self.home.api.main()))

    def settle(self):
        """Waits until the client has written down every answer that the orchestrator got."""

        def settled():
            written = {line["message"]["id"] for line in self.home.lines("assistant")}
            return len(written) == len(self.home.api.main())

        self.wait("transcript with all answers", settled)

    def exit(self):
        """`/exit` once nothing is going on, and the exit code."""
        self.settle()
        self.say("/exit")
        self.wait("end after /exit", lambda: self.ended.exists() and self.ended.read_text().strip())
        return int(self.ended.read_text())


def introduce(home):
    """Answers what the client would ask a new user: theme, the key, and whether to trust the folder."""
    trusted = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
    known = {
        "hasCompletedOnboarding": True,
        "lastOnboardingVersion": home.client.parts[-4],
        "theme": "dark",
        "customApiKeyResponses": {"approved": ["dummy-key"], "rejected": []},
        "projects": {str(home.project): trusted},
    }
    # The client keeps what it was told before in the same file: servers for instance.
    path = home.claude / ".claude.json"
    told = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**told, **known}))


@case(clients=(NEWEST,), tools=("tmux",))
def tui_background_spawns_are_routed_and_their_ends_not_commented_on(t):
    home = t.start(
        {NOTIFICATION: ["noted"], NEUTRAL: [["Two agents.", spawn(LOOKUP, background=None)],
                                            spawn(BUILD, background=None), "waiting"]},
        {GREETING: ["hello.txt:1"], DURATION: ["written, 4 tests pass"]},
    )  # fmt: skip
    with Screen(home) as screen:
        screen.say(NEUTRAL)
        screen.heard(NOTIFICATION)
        told = [("<task-id>" + p.stem.removeprefix("agent-")) for p in home.agent_transcripts()]
        screen.wait("both notifications", lambda: all(any(x in s.text() for s in home.api.main()) for x in told))
        code = screen.exit()
    expect("exit code after /exit", 0, code)
    expect("models on the wire", (["haiku"], ["sonnet"]), (home.api.families(GREETING), home.api.families(DURATION)))
    expect("background agents", 2, len(told))
    expect("hints", [], hints(home))
    expect("texts after the launches", [], home.contexts("PostToolUse"))
    report = home.report()
    delegations = report["delegations"]
    expect("spawns and mismatches in the report", (2, 0), (delegations["total"], delegations["mismatches"]))
    states = home.lines("cost-state")
    expect_that(states, "the client's cost-state after /exit", states)
    client, saw = states[-1]["totalCostUSD"], report["cost"]["actual_usd"]
    expect_that(abs(saw - client) < 0.0005, f"${client:.6f} as the client's cost-state says", saw)
    return "look-up on haiku, implementation on sonnet, both notified, nothing added, report and cost-state agree, /exit 0"


@case(clients=(NEWEST,), tools=("tmux",))
def tui_a_second_search_gets_no_second_hint(t):
    home = t.start({SEARCH: ["nobody imports it"], "uses the database": ["none"]})
    with Screen(home) as screen:
        screen.say(SEARCH)
        screen.wait("answer on the screen", lambda: "nobody imports it" in screen.text())
        screen.say("Find every file that uses the database and list it")
        screen.heard("uses the database")
        code = screen.exit()
    given = hints(home)
    expect("hints", 1, len(given))
    expect_that("sef-explore" in given[0], "the name sef-explore in the hint", given[0])
    expect("exit code after /exit", 0, code)
    return "search, search: 1 + 0 hints, /exit 0"


@case(clients=(NEWEST,), tools=("tmux",))
def tui_after_a_switch_to_haiku_nothing_gets_dearer(t):
    home = t.start(
        {NOTIFICATION: ["noted"], NEUTRAL: ["welcome"],
         SEARCH: [["One agent.", spawn(BUILD, background=None)], "waiting"]},
        {DURATION: ["written"]},
    )  # fmt: skip
    with Screen(home) as screen:
        screen.say(NEUTRAL)
        screen.wait("answer on the screen", lambda: "welcome" in screen.text())
        screen.say("/model haiku")
        # The client may ask back, because the conversation is cached for the old model.
        screen.wait("answer to /model", lambda: re.search("Yes, switch to|(?i:set model to)", screen.text()))
        if "Yes, switch to" in screen.text():
            screen.press("Enter")
        screen.wait("switch to haiku", lambda: re.search("(?i)set model to.*haiku", screen.text()))
        screen.say(SEARCH)
        screen.heard(NOTIFICATION)
        code = screen.exit()
    expect("models of the orchestrator", ["haiku", "opus"], sorted({s.family for s in home.api.main()}))
    expect("models on the wire", ["haiku"], home.api.families(DURATION))
    # No event that every client knows names the new model, so the first prompt after the switch is judged as before it.
    expect_that(len(hints(home)) <= 1, "at most one hint", hints(home))
    expect("exit code after /exit", 0, code)
    return "/model haiku: implementation on haiku, at most one hint"


@case(tools=("tmux",))
def tui_starts_without_a_word_about_the_settings(t):
    home = t.start({NEUTRAL: ["welcome"]})
    with Screen(home) as screen:
        screen.say(NEUTRAL)
        screen.wait("answer on the screen", lambda: "welcome" in screen.text())
        shown = screen.text()
        code = screen.exit()
    expect_that("Settings" not in shown, "no warning about settings", shown)
    expect("exit code after /exit", 0, code)
    return "no dialog before the first prompt"
