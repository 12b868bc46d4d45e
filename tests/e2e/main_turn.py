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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from api import NOTIFICATION, Reply, call, spawn
from client import CLIENT_SECONDS, RUNNING, Broken, end_group
from plugins import records
from trial import (
    DESIGN, GREETING, LIMITER, LOOKUP, NEUTRAL, NEWEST, OLDEST, OTHER_LOOKUP, PORT, SEARCH,
    case, expect, expect_that, talk,
)  # fmt: skip
from tui import Screen

MOD = Path(__file__).parents[2] / "mods/sef-main"
FOUND, IMPORTS = "src/net.py:1", "import the config module"
READ = "hello.txt"
EXPORT = "CSV export"


class Conversation:
    """One client in print mode that is given prompt after prompt, so that its session's caches stay warm."""

    def __init__(self, home, *args, model="opus", log="debug.log"):
        """`log`: the name of the client's debug log, None for none."""
        words = [
            home.client, "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose",
            "--model", model, *(["--debug-file", home.root / log] if log else []), *args,
        ]  # fmt: skip
        self.errors = home.root / "conversation.err"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [str(word) for word in words],
                cwd=home.project,
                env=home.environment(),
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
    return [record for record in records(home) if record["e"] == "main"]


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
    expect_that(
        small["mt"].get("g", 0) > 0 and small["mt"].get("w", 0) < small["mt"]["g"], "a gain, and less at worst", small["mt"]
    )
    expect("history and reason's model at the hard turn", (15_485, "claude-opus-5-5"), (hard["mt"]["h"], hard["par"]))
    prompts = {line.get("promptId") for line in home.lines("user")}
    expect_that({small["p"], hard["p"]} <= prompts, "both prompt ids in the transcript", [small["p"], hard["p"]])
    spoke = [line["message"]["model"] for line in home.lines("assistant")]
    expect("models in the transcript", ["claude-haiku-5-5"] * 2 + ["claude-opus-5-5"], spoke)
    expect_that(
        {"claude-haiku-5-5", "claude-opus-5-5"} <= set(result["modelUsage"]), "both in modelUsage", list(result["modelUsage"])
    )
    cents = small["mt"]["g"] / 10_000
    return f"search: haiku, haiku (expected +{cents:.1f} cents); design: opus; log, transcript and modelUsage agree"


@case(clients=(NEWEST,))
def main_turn_with_no_model_allowed_only_the_effort_is_lowered_and_comes_back(t):
    home = t.start({EXPORT: search(16_000, 500), LIMITER: design(0, 15_000)})
    policy(home, "[main.careful]\nmodels = []\n")
    with Conversation(home, *add_mod(home), "--effort", "max") as conversation:
        # Nothing tells the mod which effort the user has set before the session's first request.
        conversation.say(DESIGN)
        feature = f"Implement the {EXPORT} as described in docs/export.md"
        for prompt in (feature, DESIGN, feature):
            conversation.say(prompt)
        conversation.end()
    expect("models", {"opus"}, {seen.family for seen in home.api.main()})
    expect("efforts of the smaller turns", ["medium"] * 4, efforts(home, EXPORT))
    expect("efforts of the hard ones", ["max", "max"], efforts(home, LIMITER))
    lowered, left = ("medium", "effort"), (None, "tier-3")
    expect("decisions", [left, lowered, left, lowered], whys(home))
    # It goes with a message, so that what is cached of the messages before it stays as it is.
    marks = [message["output_config"]["effort"] for message in home.api.main()[-1].body["messages"] if "output_config" in message]
    expect("efforts in the messages of the last request", ["max", "medium", "max", "medium"], marks)
    fixed = [json.dumps([seen.body["system"], seen.body["tools"]]) for seen in home.api.main()]
    same = {re.sub(r', "cache_control": \{[^}]*\}', "", text) for text in fixed}
    expect("different system texts and tools", 1, len(same))
    return "max, medium, max, medium, a lowered one at each step; always opus, system and tools the same"


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


# What a program may do wrong, as the body of a shell script; None: there is no program, DIRECTORY: one in its place.
DIRECTORY = object()
FAULTS = {
    "missing": None,
    "a directory": DIRECTORY,
    "exit 3": "echo haiku; exit 3",
    "killed": "echo haiku; kill -9 $$",
    "junk": r"printf 'haiku\nsonnet\0\377{\"model\": \"haiku\"}'",
    "inherit": "echo inherit",
    "gpt-5": "echo gpt-5",
    "a shell's text": "echo 'opus[1m]; rm'",
    "nothing": "true",
    "5 MB": "head -c 5000000 /dev/zero | tr '\\0' a",
    "a sleep": "exec sleep 30",
}


def put_program(path, body):
    """Replaces the program in one step; a script keeps count of its calls in CALLS beside it."""
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    if body is DIRECTORY:
        path.mkdir()
    elif body is not None:
        fresh = path.with_suffix(".new")
        fresh.write_text(f"#!/bin/sh\necho $$ >>{shlex.quote(str(path.with_name('CALLS')))}\n{body}\n")
        fresh.chmod(0o755)
        os.replace(fresh, path)


def calls(path):
    """The process ids of the calls so far."""
    kept = path.with_name("CALLS")
    return kept.read_text().split() if kept.exists() else []


@case(clients=(NEWEST,))
def main_turn_whatever_the_program_does_wrong_the_turn_is_answered_on_the_users_model(t):
    home = t.start({"turn number": ["answered"]})
    program = home.root / "asked"
    took = {}

    def ended():
        return (home.root / "debug.log").read_text(errors="replace").count("sef-main@inline turn.complete settled")

    with Conversation(home, *add_mod(home, program)) as conversation:

        def turn(name, body, wanted, asked=2):
            put_program(program, body)
            number, before, began = len(home.api.main()), len(calls(program)), time.monotonic()
            result = conversation.say(f"turn number {number}")
            expect(f"{name}: requests, model, answer", (number + 1, wanted, "answered"),
                   (len(home.api.main()), home.api.main()[-1].family, result["result"]))  # fmt: skip
            # The client gives the answer before the mod has seen the turn's end.
            home.api.wait(lambda _: ended() == len(took) + 1, 10)
            expect(f"{name}: calls", asked, len(calls(program)) - before)
            took[name] = time.monotonic() - began

        turn("no fault", "echo haiku", "haiku")
        for name, body in FAULTS.items():
            turn(name, body, "opus", 0 if body in (None, DIRECTORY) else 2)
        hung = calls(program)[-2:]
        turn("no fault any more", "echo haiku", "haiku")
        conversation.end()
    # Each of its two calls may take the mod's whole second.
    expect_that(2 <= took["a sleep"] < 6, "two time-outs of a second in that turn", took)
    expect("programs left hanging", [], [pid for pid in hung if Path(f"/proc/{pid}").exists()])
    slow = f"{took['a sleep']:.1f} s"
    return f"{len(FAULTS)} faults, {len(FAULTS)} answers on opus, haiku before and after; the hanging one took {slow}"


# What may go wrong inside the module: a line of it, and what stands there instead.
START, STEP, END = "const { promptId: prompt }", "const at = Date.now()", "return result"
MISHAPS = {
    "turn.start throws": (START, f"throw new Error('planted'); {START}"),
    "turn.start never returns": (START, f"await new Promise(() => {{}}); {START}"),
    "turn.step throws": (STEP, f"throw new Error('planted'); {STEP}"),
    "turn.step returns without next": (STEP, f"return {{ planted: 1 }}; {STEP}"),
    "turn.step returns nonsense after next": (END, "return 'planted'"),
    "turn.step never returns": (STEP, f"await new Promise(() => {{}}); {STEP}"),
    "an endless loop": (STEP, f"for (;;) {{}} {STEP}"),
}


@case(clients=(NEWEST,))
def main_turn_whatever_goes_wrong_in_the_module_the_turn_is_answered_on_the_users_model(t):
    def attempt(name):
        line, instead = MISHAPS[name]
        home = t.start({IMPORTS: search()}, install=False)
        loading = add_mod(home, "/bin/true")
        module = loading[1] / "hooks/register.js"
        text = module.read_text()
        expect(f"{name}: places for it", 1, text.count(line))
        module.write_text(text.replace(line, instead))
        began = time.monotonic()
        run = home.ask(SEARCH, *loading)
        saw = run.code, run.result()["result"], families(home, IMPORTS)
        expect(f"{name}: exit code, answer, models", (0, FOUND, ["opus", "opus"]), saw)
        return time.monotonic() - began

    # Some of them take the client's own ten seconds, which it spends waiting.
    with ThreadPoolExecutor(4) as pool:
        took = dict(zip(MISHAPS, pool.map(attempt, MISHAPS), strict=True))
    slowest = max(took, key=took.get)
    return f"{len(took)} mishaps, {len(took)} answers on opus; the slowest: {slowest}, {took[slowest]:.0f} s"


@case(clients=(NEWEST,))
def main_turn_a_module_that_does_not_load_leaves_the_session_as_it_is(t):
    home = t.start({IMPORTS: search()})
    loading = add_mod(home)
    module = loading[1] / "hooks/register.js"
    module.write_text(module.read_text() + "\nexport function {\n")
    run = home.ask(SEARCH, *loading)
    expect("exit code", 0, run.code)
    expect("the answer", FOUND, run.result()["result"])
    expect("models", ["opus", "opus"], families(home, IMPORTS))
    expect("decisions", [], whys(home))
    debug = (home.root / "debug.log").read_text(errors="replace")
    expect_that("sef-main: hooks module did not load" in debug, "the reason in the debug log", debug[-300:])
    expect("exit code of claude plugin validate", 1, home.command(home.client, "plugin", "validate", loading[1]).code)
    return "syntax error: answered on opus, exit 0; the debug log and claude plugin validate say why"


@case(clients=(NEWEST,))
def main_turn_only_prompts_that_the_user_typed_are_asked_about(t):
    home = t.start(
        {NOTIFICATION: [used("noted", 16_000, 300)], "The command's body": [used("greeted", 16_300, 300)],
         NEUTRAL: [used([spawn(LOOKUP, background=True), spawn(OTHER_LOOKUP)], 0, 15_000), used("waiting", 15_000, 1_000)],
         "ok then": [used("bye", 16_600, 300)]},
        {GREETING: [call("Read", file_path=READ), Reply([{"type": "text", "text": "hello.txt:1"}], delay=1.5)],
         PORT: [call("Read", file_path=READ), "src/net.py:2"]},
    )  # fmt: skip
    home.write("project/.claude/commands/greet.md", "The command's body: find where the greeting of $ARGUMENTS is.\n")
    program, asked = home.root / "asked", shlex.quote(str(home.root / "asked.jsonl"))
    put_program(program, f"tee -a {asked} | {shlex.quote(str(home.bin / 'sef'))} main-turn; echo >>{asked}")
    with Conversation(home, *add_mod(home, program)) as conversation:
        conversation.say(NEUTRAL)
        conversation.result("the notification's turn")
        conversation.say("/greet world")
        conversation.say("ok then")
        conversation.end()
    expect("requests to the notification and the command", (["opus"], ["opus"]),
           (families(home, NOTIFICATION), families(home, "The command's body")))  # fmt: skip
    expect("requests of subagents", (2, 2), (len(home.api.agent(GREETING)), len(home.api.agent(PORT))))
    said = [json.loads(line) for line in (home.root / "asked.jsonl").read_text().splitlines() if line]
    expect("texts that were asked about", [NEUTRAL, "ok then"], [one["text"] for one in said if one["at"] == "start"])
    # What such turns used is reported all the same: it is in the caches.
    expect("requests of each turn, as reported", [2, 1, 1, 1], [len(one["steps"]) for one in said if one["at"] == "done"])
    expect("decisions", 2, len(decisions(home)))
    return "2 prompts asked about; a notification, a command and two subagents not; the use of all 4 turns reported"


@case(clients=(NEWEST,), tools=("tmux",))
def main_turn_tui_shows_the_choice_and_an_interrupted_turn_keeps_the_next_on_the_users_model(t):
    step, slow = search()
    slow.delay = 20
    home = t.start({IMPORTS: [step, slow], GREETING: search(16_000, 500)})
    with Screen(home, *add_mod(home)) as screen:
        screen.say(SEARCH)
        screen.wait("word about the turn on the screen", lambda: "sef: this turn on haiku" in screen.text())
        screen.wait("slow request", lambda: len(families(home, IMPORTS)) == 2)
        screen.press("Escape")
        screen.wait("interruption on the screen", lambda: "What should Claude do instead" in screen.text())
        expect("models of the interrupted turn", ["haiku", "haiku"], families(home, IMPORTS))
        screen.say(LOOKUP)
        screen.wait("answer to the next prompt", lambda: FOUND in screen.text())
        shown = screen.text()
        screen.say("/exit")
        screen.wait("end after /exit", lambda: screen.ended.exists() and screen.ended.read_text().strip())
    expect("models of the next turn", ["opus", "opus"], families(home, GREETING))
    expect("decisions", [("haiku", "pays"), (None, "mid-work")], whys(home))
    expect_that("this turn on" not in shown, "no word about a turn that is left alone", shown[-600:])
    return "'sef: this turn on haiku' under the prompt; Escape; the next search on opus (mid-work), the line gone"


@case(clients=(OLDEST,))
def main_turn_a_client_without_mods_runs_as_without_it(t):
    def run(hooks):
        """What two turns come to with that hooks.json in the mod, without the mod for None; and what the client logs of it."""
        home = t.start({IMPORTS: search(), LIMITER: design()})
        loading = add_mod(home)
        if hooks is None:
            loading = ()
        else:
            (loading[1] / "hooks/hooks.json").write_text(hooks)
        session = talk(home, SEARCH, *loading)["session_id"]
        talk(home, DESIGN, "--resume", session, *loading)
        requests = [(seen.kind, seen.family, seen.key, len(seen.body["messages"])) for seen in home.api.main()]
        events = [record["e"] for record in records(home)]
        debug = (home.root / "debug.log").read_text(errors="replace").splitlines()
        return (requests, events), [line for line in debug if "sef-main" in line]

    faulty = re.compile(r"\[(ERROR|WARN)\]|failed|invalid", re.IGNORECASE)
    (plain, _), (loaded, said) = run(None), run((MOD / "hooks/hooks.json").read_text())
    expect("requests and records with it", plain, loaded)
    expect_that(said, "the mod in the debug log", said)
    expect("faults of it in the debug log", [], [line for line in said if faulty.search(line)])
    _, said = run('{"modules": ["./register.js"]}')
    expect_that(any(faulty.search(line) for line in said), "a load error without the key hooks", said)
    return f"{len(plain[0])} requests and {len(plain[1])} records with it as without, stderr empty, no fault in the debug log"


@case(clients=(NEWEST,), product=False)
def main_turn_the_client_finds_the_mod_valid(t):
    home = t.start({}, install=False)
    folder = shutil.copytree(MOD, home.root / "sef-main")
    run = home.command(home.client, "plugin", "validate", folder)
    expect(f"exit code of claude plugin validate ({run.out[-600:]} {run.err[-300:]})", 0, run.code)
    expect_that("Validation passed\n" in run.out, "a pass without warnings", run.out[-600:])
    expect("warnings of the plugin directory", ["ICON_MISSING"], re.findall(r"\(([A-Z]+(?:_[A-Z]+)+)\)", run.out))
    hooks, reaches = (re.search(rf"register\.js {what}: (.*)", run.out)[1].split(", ") for what in ("hooks", "calls"))
    expect("events", ["turn.complete", "turn.start", "turn.step"], sorted(hooks))
    beyond = [one for one in reaches if not re.match(r"\$\.(session\.\w+|ui\.status|process\.run \(via ask\))$", one)]
    expect("what it reaches besides the session, the status line and its program", [], beyond)
    return f"passed, no warning but the missing icon; events {', '.join(hooks)}; calls {', '.join(reaches)}"
