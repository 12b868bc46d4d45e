"""What a case is: its name, which clients it is for, and the sessions that it starts.

Owns: the list of cases, the words for a claim that did not hold, and the cleaning up after a case.
Never: knows what any single case claims.
"""

import contextlib
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from api import NOTIFICATION, Api, Script
from client import Home

NEWEST = "2.1.329"
MIDDLE = "2.1.263"
OLDEST = "2.1.197"
# What runs when no client is named; the middle one has to be asked for, because a run of it takes minutes.
CLIENTS = (NEWEST, OLDEST)

# The three kinds of work, each in words that leave no doubt about the kind.
LOOKUP = "Find where the greeting is defined and report file:line."
OTHER_LOOKUP = "Find where the port number is set and report file:line."
BUILD = (
    "Implement a function parse_duration in src/duration.py with tests in tests/test_duration.py: "
    "it turns strings such as 1h30m into seconds and raises ValueError for anything else."
)
DESIGN = (
    "Design the architecture of a distributed rate limiter: compare the trade-offs of central counters, "
    "gossip and per-node token buckets, and recommend one."
)
GREETING, PORT, DURATION, LIMITER = "greeting is defined", "port number is set", "parse_duration", "rate limiter"
# A prompt that no rule has anything to say about, and one that asks for a plain search.
NEUTRAL = "thanks"
SEARCH = "Find all files that import the config module and list them"


class Missed(Exception):
    """A claim did not hold."""


@dataclass
class Case:
    """One claim. `but`: clients that do otherwise; `product`: it needs SEF's binaries; `tools`: programs without which it is skipped."""

    name: str
    run: Callable
    clients: tuple
    but: tuple
    product: bool
    tools: tuple

    def suits(self, version):
        """Whether it is a case for that client. One that is not in the table is held to what the newest does."""
        return (OLDEST if version == OLDEST else NEWEST) in self.clients and version not in self.but


CASES: list[Case] = []


def case(clients=CLIENTS, but=(), product=True, tools=()):
    """Makes a case of a function; its name is the claim, what it returns is the evidence."""

    def register(run):
        CASES.append(Case(run.__name__, run, clients, but, product, tools))
        return run

    return register


def expect(what, wanted, saw):
    """Fails the case unless both are equal."""
    if wanted != saw:
        raise Missed(f"{what}: expected {wanted!r}, saw {saw!r}")


def expect_that(holds, what, saw):
    """Fails the case unless the condition holds; `what` says it in words."""
    if not holds:
        raise Missed(f"expected {what}, saw {saw!r}")


@dataclass
class Trial:
    """One case running against one client."""

    name: str
    version: str
    client: Path
    binaries: Path | None
    scripted_home: Path | None
    work: Path
    sessions: list = field(default_factory=list)
    closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def old(self):
        """Whether this is the oldest client."""
        return self.version == OLDEST

    @property
    def newest(self):
        """Whether it is expected to do what the newest known client does."""
        return self.version not in (OLDEST, MIDDLE)

    def start(self, prompts, agents=None, install=True, before=None, **env):
        """A fresh HOME with SEF installed and an API with that script. `before(home)` runs ahead of installing."""
        # A notification quotes the task, so it must be looked for first.
        ordered = dict(sorted(prompts.items(), key=lambda item: item[0] != NOTIFICATION))
        api = self.closing.enter_context(Api(Script(ordered, agents or {})))
        root = Path(tempfile.mkdtemp(prefix=f"{len(self.sessions)}-", dir=self.work))
        home = Home(root, self.client, api, dict(env))
        self.sessions.append(home)
        if before:
            before(home)
        if install:
            home.install(self.binaries)
        return home

    def adopt(self, prompts, agents):
        """The same in the HOME that scripts/install.sh has set up."""
        api = self.closing.enter_context(Api(Script(prompts, agents)))
        home = Home(self.scripted_home.parent, self.client, api)
        self.sessions.append(home)
        return home


def talk(home, prompt, *args, model="opus", **env):
    """Runs a prompt that must go well: exit 0 and a silent stderr. Gives the client's JSON result."""
    run = home.ask(prompt, *args, model=model, **env)
    expect(f"exit code of claude -p {prompt[:20]!r}", 0, run.code)
    expect("stderr of the client", "", run.err)
    return run.result()


def hints(home):
    """What SEF told the model at the user's prompts and at notifications."""
    return home.contexts("UserPromptSubmit")


def expect_on_wire(home, text):
    """Fails the case unless that context was in a request of the orchestrator."""
    squeezed = re.sub(r"\s+", " ", text).strip()
    seen = any(squeezed in re.sub(r"\s+", " ", s.text()) for s in home.api.main())
    expect_that(seen, "the context in a request to the API", text[:80])
