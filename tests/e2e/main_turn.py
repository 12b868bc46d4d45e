"""Cases: the mod that lets SEF choose the model or the effort of the conversation's own turns.

The mod is a copy of mods/sef-main in the case's folder, loaded with `--plugin-dir`: the client may write into it.
What the API says that a request used is what SEF believes of the caches, so every answer names it.
"""

import json
import os
import queue
import re
import shlex
import shutil
import subprocess
import threading
import time
from pathlib import Path

from api import NOTIFICATION, Reply, call, spawn
from client import CLIENT_SECONDS, RUNNING, Broken, end_group
from trial import (
    DESIGN, GREETING, LIMITER, LOOKUP, NEUTRAL, NEWEST, OLDEST, OTHER_LOOKUP, PORT, SEARCH,
    case, expect, expect_that, talk,
)  # fmt: skip
from tui import Screen

MOD = Path(__file__).parents[2] / "mods/sef-main"
FOUND, IMPORTS = "src/net.py:1", "import the config module"
READ = "hello.txt"


class Conversation:
    """One client in print mode that is given prompt after prompt, so that its session's caches stay warm."""

    def __init__(self, home, *args, model="opus", **env):
        self.home = home
        words = [
            home.client, "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose",
            "--model", model, "--debug-file", home.root / "debug.log", *args,
        ]  # fmt: skip
        self.errors = home.root / "conversation.err"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [str(word) for word in words],
                cwd=home.project,
                env={**home.environment(), **env},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        RUNNING.add(self.process.pid)
        self.results = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end_group(self.process.pid)
        RUNNING.discard(self.process.pid)
        self.process.wait()

    def say(self, prompt):
        """Gives a prompt and waits for the end of its turn; gives its result, which must be no error."""
        content = [{"type": "text", "text": prompt}]
        self.process.stdin.write(json.dumps({"type": "user", "message": {"role": "user", "content": content}}) + "\n")
        self.process.stdin.flush()
        return self.result(prompt)

    def result(self, what):
        """The next turn's result; `what` names the turn when there is none."""
        try:
            found = self.results.get(timeout=CLIENT_SECONDS)
        except queue.Empty:
            raise Broken(f"no end of the turn {what[:20]!r} within {CLIENT_SECONDS} s") from None
        if found is None:
            raise Broken(f"the client ended in the turn {what[:20]!r}: {self.errors.read_text()[:300]}")
        expect(f"result of the turn {what[:20]!r}", ("success", False), (found["subtype"], found["is_error"]))
        return found

    def end(self):
        """No more prompts: exit 0 and a silent stderr."""
        self.process.stdin.close()
        try:
            code = self.process.wait(CLIENT_SECONDS)
        except subprocess.TimeoutExpired:
            raise Broken(f"no end after the last prompt within {CLIENT_SECONDS} s") from None
        expect("exit code of the conversation", 0, code)
        expect("stderr of the conversation", "", self.errors.read_text())

    def _listen(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if said.get("type") == "result":
                self.results.put(said)
        self.results.put(None)


def used(blocks, read, wrote):
    """An answer that read and wrote so many tokens of its model's cache."""
    blocks = blocks if isinstance(blocks, list) else [blocks]
    blocks = [{"type": "text", "text": block} if isinstance(block, str) else block for block in blocks]
    tokens = {"input_tokens": 5, "cache_read_input_tokens": read, "cache_creation_input_tokens": wrote, "output_tokens": 80}
    return Reply(blocks, usage=tokens)


def add_mod(home, program=None):
    """A copy of the mod that asks that program (default: the installed sef); gives the arguments that load it."""
    folder = shutil.copytree(MOD, home.root / "sef-main")
    home.settings(pluginConfigs={"sef-main": {"options": {"program": str(program or home.bin / "sef")}}})
    return "--plugin-dir", folder


def policy(home, text):
    """The user's config.toml."""
    home.write(".config/sef/config.toml", text)


def search(read=0, wrote=15_000):
    """A small turn of two requests."""
    return [used(call("Read", file_path=READ), read, wrote), used(FOUND, read + wrote, 400)]


def design(read=15_000, wrote=1_000):
    """A hard turn of one."""
    return [used("token buckets", read, wrote)]


def families(home, key):
    """The families of the conversation's requests to that prompt, in order."""
    return [seen.family for seen in home.api.main() if seen.key == key]


def efforts(home, key):
    """Their efforts."""
    return [(seen.body.get("output_config") or {}).get("effort") for seen in home.api.main() if seen.key == key]


def decisions(home):
    """The log's records of turns, in order."""
    log = home.state / "log.jsonl"
    every = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [record for record in every if record["e"] == "main"]


def whys(home):
    """(word, reason) of every turn that was asked about."""
    return [(record.get("want"), record["why"]) for record in decisions(home)]


@case(clients=(NEWEST,))
def main_turn_a_small_turn_runs_on_haiku_to_its_end_and_the_next_hard_one_on_the_users_model(t):
    home = t.start({IMPORTS: search(), LIMITER: design()})
    with Conversation(home, *add_mod(home)) as conversation:
        conversation.say(SEARCH)
        result = conversation.say(DESIGN)
        conversation.end()
    expect("models of the small turn", ["haiku", "haiku"], families(home, IMPORTS))
    expect("models of the hard turn", ["opus"], families(home, LIMITER))
    expect("decisions", [("haiku", "pays"), (None, "tier-3")], whys(home))
    small, hard = decisions(home)
    expect_that(small["mt"].get("g", 0) > 0 and small["mt"].get("w", 0) < small["mt"]["g"], "a gain, and less at worst", small["mt"])
    expect("history and reason's model at the hard turn", (15_485, "claude-opus-5-5"), (hard["mt"]["h"], hard["par"]))
    prompts = {line.get("promptId") for line in home.lines("user")}
    expect_that({small["p"], hard["p"]} <= prompts, "both prompt ids in the transcript", [small["p"], hard["p"]])
    spoke = [line["message"]["model"] for line in home.lines("assistant")]
    expect("models in the transcript", ["claude-haiku-5-5"] * 2 + ["claude-opus-5-5"], spoke)
    expect_that({"claude-haiku-5-5", "claude-opus-5-5"} <= set(result["modelUsage"]), "both in modelUsage", list(result["modelUsage"]))
    cents = small["mt"]["g"] / 10_000
    return f"search: haiku, haiku (expected +{cents:.1f} cents); design: opus; log, transcript and modelUsage agree"


@case(clients=(NEWEST,))
def main_turn_with_no_model_allowed_only_the_effort_is_lowered_and_comes_back(t):
    home = t.start({IMPORTS: search(16_000, 500), LIMITER: design(0, 15_000)})
    policy(home, "[main.careful]\nmodels = []\n")
    with Conversation(home, *add_mod(home), "--effort", "high") as conversation:
        # Nothing tells the mod which effort the user has set before the session's first request.
        conversation.say(DESIGN)
        conversation.say(SEARCH)
        conversation.say(DESIGN)
        conversation.end()
    expect("models", {"opus"}, {seen.family for seen in home.api.main()})
    expect("efforts of the small turn", ["low", "low"], efforts(home, IMPORTS))
    expect("efforts of the hard ones", ["high", "high"], efforts(home, LIMITER))
    expect("decisions", [(None, "tier-3"), ("low", "effort"), (None, "tier-3")], whys(home))
    # It goes with a message, so that what is cached of the messages before it stays as it is.
    marks = [message["output_config"]["effort"] for message in home.api.main()[-1].body["messages"] if "output_config" in message]
    expect("efforts in the messages of the last request", ["high", "low", "high"], marks)
    same = {json.dumps([seen.body["system"], seen.body["tools"]]).replace(', "cache_control": {"type": "ephemeral"}', "") for seen in home.api.main()}
    expect("different system texts and tools", 1, len(same))
    return "high, low and low, high; always opus, system and tools the same"


@case(clients=(NEWEST,))
def main_turn_a_mark_decides_and_is_never_an_upgrade(t):
    marked = {f"~{name} {text[:20]}": answer for name, text, answer in (
        ("haiku", DESIGN, design()), ("opus", SEARCH, search(16_000, 500)), ("off", SEARCH, search(16_000, 500)))}  # fmt: skip
    home = t.start(marked)
    with Conversation(home, *add_mod(home)) as conversation:
        conversation.say(f"~haiku {DESIGN}")
        conversation.say(f"~opus {SEARCH}")
        conversation.say(f"~off {SEARCH}")
        conversation.end()
    saw = {key.split()[0]: families(home, key) for key in marked}
    expect("models on the wire", {"~haiku": ["haiku"], "~opus": ["opus"] * 2, "~off": ["opus"] * 2}, saw)
    expect("decisions", [("haiku", "mark"), (None, "mark"), (None, "mark")], whys(home))
    small = t.start(marked)
    with Conversation(small, *add_mod(small), model="haiku") as conversation:
        conversation.say(f"~opus {SEARCH}")
        conversation.end()
    expect("models of a haiku user", {"haiku"}, {seen.family for seen in small.api.main()})
    return "~haiku on a hard prompt: haiku; ~opus and ~off on a search: opus; ~opus of a user on haiku: haiku"


@case(clients=(NEWEST,))
def main_turn_is_off_where_the_preset_or_the_project_says_so(t):
    seen = []
    for name in ("preset", "project", "another project"):
        home = t.start({IMPORTS: search()})
        policy(home, {
            "preset": '[main]\npreset = "off"\n',
            "project": f'[main.projects]\n{json.dumps(str(home.project))} = "off"\n',
            "another project": f'[main.projects]\n{json.dumps(str(home.home / "other"))} = "off"\n',
        }[name])  # fmt: skip
        talk(home, SEARCH, *add_mod(home))
        seen.append((name, families(home, IMPORTS)[0], len(decisions(home))))
    expect("where, model and records", [("preset", "opus", 0), ("project", "opus", 0), ("another project", "haiku", 1)], seen)
    return "preset off and project off: opus, no record; another project off: haiku"


@case(clients=(NEWEST,))
def main_turn_subagents_of_a_turn_on_haiku_are_routed_from_the_users_model(t):
    home = t.start(
        {IMPORTS: [used(call("Read", file_path=READ), 0, 15_000), used([spawn(LOOKUP), spawn(DESIGN)], 15_000, 400),
                   used(FOUND, 15_400, 900)]},
        {GREETING: ["hello.txt:1"], LIMITER: ["token buckets"]},
    )  # fmt: skip
    with Conversation(home, *add_mod(home)) as conversation:
        conversation.say(SEARCH)
        conversation.end()
    expect("models of the turn", ["haiku"] * 3, families(home, IMPORTS))
    expect("models of the subagents", {"look-up": ["haiku"], "design": ["opus"]},
           {"look-up": home.api.families(GREETING), "design": home.api.families(LIMITER)})  # fmt: skip
    return "a turn on haiku: look-up on haiku, design on the user's opus"
