#!/usr/bin/env python3
"""Writes a made-up history of six weeks for looking at reports: demo-home.py FOLDER

FOLDER becomes a home: FOLDER/.claude/projects has the transcripts, FOLDER/state the hook's log. Every person, project and
figure in it is invented; the same script gives the same bytes. Then, with nothing of your own in sight:

    HOME=FOLDER SEF_STATE_DIR=FOLDER/state CLAUDE_CONFIG_DIR=FOLDER/.claude sef-stats report --html report.html
"""
import datetime
import json
import os
import random
import sys
import tomllib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIRST = datetime.datetime(2026, 10, 9, tzinfo=datetime.timezone.utc)
DAYS = 43
HAIKU, SONNET, OPUS, FABLE = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-5-2"
PROJECTS = [("-home-ana-shop-backend", 9), ("-home-ana-shop-web", 6), ("-home-ana-billing-service", 4),
            ("-home-ana-infra", 2), ("-home-ana-dotfiles", 1)]
# Executor, model, tier, role, rules that fire on its tasks, how often its work is rejected, weight, words of a task.
EXECUTORS = [
    ("sef-explore", HAIKU, 1, "explore", ["look-for", "where-is", "talk-show-me", "{file-thing}"], 0.05, 10,
     "Find where the {0} is {1} and report file and line of every caller"),
    ("sef-validate", HAIKU, 1, "validate", ["run-tests", "check-that", "{read}"], 0.05, 7,
     "Run the tests of the {0} and say which of them fail after it was {1}"),
    ("sef-document", HAIKU, 1, "document", ["changelog", "write-docs", "{create}"], 0.09, 2,
     "Write the part of the manual that says how the {0} gets {1}"),
    ("sef-implement", SONNET, 2, "implement", ["add-feature", "implement-it", "{create}", "with-tests"], 0.13, 9,
     "Implement that the {0} is {1} before it is stored and cover it by tests"),
    ("sef-implement", SONNET, 2, "implement", ["fix-flaky", "{bug-do}", "it-depends"], 0.34, 2,
     "Mend the failure in which the {0} gets {1} twice under load"),
    ("sef-review", SONNET, 2, "review", ["review-diff", "check-that", "second-look"], 0.06, 3,
     "Review the change by which the {0} is now {1} and list what is wrong"),
    ("general-purpose", HAIKU, 1, "explore", ["look-for", "compare-two", "{read}"], 0.16, 3,
     "Compare the ways in which the {0} was {1} in the last releases"),
    ("Explore", HAIKU, 1, "explore", ["where-is", "{look}", "talk-show-me"], 0.03, 4,
     "Look through the folder for everything that has the {0} {1}"),
    ("payments-auditor", OPUS, 3, "orchestrator", ["{design}", "money-matters"], 0.04, 1,
     "Judge whether the {0} may be {1} under the rules of the bank"),
]
NOUNS = ["session token", "upload queue", "invoice total", "search index", "price list", "mail template", "cache key",
         "address form", "audit trail", "feature flag", "tax table", "login page", "order state", "retry timer"]
VERBS = ["validated", "cached", "parsed", "rounded", "rendered", "migrated", "locked", "signed", "merged", "sorted"]
FILES = ["src/session.rs", "src/upload.rs", "src/invoice.rs", "web/list.tsx", "src/search.rs", "deploy/main.tf"]


def prices():
    """Rates by model, as far as this history needs them: the latest row of prompts of any length, per million tokens."""
    with open(os.path.join(ROOT, "rules", "prices.toml"), "rb") as file:
        rows = tomllib.load(file)["price"]
    return {row["model"]: row for row in sorted(rows, key=lambda row: row.get("from", ""))
            if "over_prompt" not in row and "speed" not in row}


def hashed(name):
    """As the log holds the name of a person's own agent (FNV-1a)."""
    value = 0xcbf29ce484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001b3 % 2 ** 64
    return f"x{value:016x}"


class History:
    def __init__(self, root):
        self.root, self.rng, self.log, self.number = root, random.Random(20261120), [], 0
        self.rates, self.mismatched = prices(), False

    def hex(self, digits):
        return f"{self.rng.randrange(16 ** digits):0{digits}x}"

    def pick(self, weighted):
        return self.rng.choices([one for one, _ in weighted], [weight for _, weight in weighted])[0]

    def record(self, clock, kind, session, **more):
        self.log.append({"v": 1, "t": int(clock.timestamp() * 1000), "e": kind, "s": session, **more})

    def took(self):
        return int(self.rng.lognormvariate(5.15, 0.35))

    def session(self, clock, project):
        Session(self, clock, project).run()


class Transcript:
    """A transcript file under construction; `spent` is what its requests cost."""

    def __init__(self, history, session, agent=None):
        self.history, self.session, self.agent, self.lines, self.spent = history, session, agent, [], 0.0

    def line(self, clock, **line):
        line.update(sessionId=self.session, isSidechain=self.agent is not None, cwd="/home/ana/project",
                    timestamp=clock.strftime("%Y-%m-%dT%H:%M:%S.") + f"{clock.microsecond // 1000:03}Z")
        if self.agent:
            line["agentId"] = self.agent
        self.lines.append(json.dumps(line, separators=(",", ":")))

    def user(self, clock, prompt, text):
        self.line(clock, type="user", uuid=prompt, promptId=prompt, promptSource="user",
                  message={"role": "user", "content": text})

    def request(self, clock, model, size, block=None):
        rng = self.history.rng
        usage = {"input_tokens": rng.randrange(200, 2500), "output_tokens": int(size * rng.uniform(150, 900)),
                 "cache_read_input_tokens": int(size * rng.uniform(9000, 46000)),
                 "cache_creation_input_tokens": int(size * rng.uniform(900, 6000)), "speed": "standard",
                 "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}}
        rate = self.history.rates.get(model)
        if rate:
            self.spent += (usage["input_tokens"] * rate["input"] + usage["output_tokens"] * rate["output"]
                           + usage["cache_read_input_tokens"] * rate["cache_read"]
                           + usage["cache_creation_input_tokens"] * rate["cache_write_5m"]) / 1e6
        self.line(clock, type="assistant", uuid=f"u{self.history.hex(12)}",
                  message={"id": f"msg_{self.history.hex(20)}", "type": "message", "role": "assistant", "model": model,
                           "content": [block or {"type": "text", "text": "."}], "stop_reason": "end_turn", "usage": usage})

    def call(self, clock, model, size, tool, given):
        self.request(clock, model, size, {"type": "tool_use", "id": (call := f"toolu_{self.history.hex(20)}"), "name": tool,
                                          "input": given})
        return call

    def result(self, clock, call, text, **result):
        failed = result.pop("is_error", False)
        content = {"tool_use_id": call, "type": "tool_result", "content": [{"type": "text", "text": text}]}
        self.line(clock, type="user", uuid=f"r{self.history.hex(12)}", toolUseResult=result or {"type": "text"},
                  message={"role": "user", "content": [{**content, "is_error": True} if failed else content]})

    def write(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in self.lines))


class Session:
    def __init__(self, history, clock, project):
        self.history, self.rng, self.clock, self.project = history, history.rng, clock, project
        history.number += 1
        self.number = history.number
        self.id = f"{history.hex(8)}-{history.hex(4)}-4{history.hex(3)}-8{history.hex(3)}-{history.hex(12)}"
        self.folder = os.path.join(history.root, ".claude", "projects", project)
        self.main, self.agents = Transcript(history, self.id), []
        self.model = FABLE if self.number % 29 == 0 else "claude-opus-5" if clock < FIRST + datetime.timedelta(9) else OPUS
        # A gateway's own model, priced by nobody.
        self.stranger = self.number == 97

    def on(self, low, high):
        self.clock += datetime.timedelta(seconds=self.rng.uniform(low, high))
        return self.clock

    def record(self, kind, **more):
        self.history.record(self.clock, kind, self.id, us=self.history.took(), **more)

    def run(self):
        self.record("session", src="startup")
        complaint = False
        for _ in range(self.rng.randrange(2, 7)):
            complaint = self.prompt(complaint)
        self.record("end")
        sum_of_all = self.main.spent + sum(agent.spent for agent in self.agents)
        if self.number % 5:
            sum_of_all += 0.0312 if self.number % 37 == 0 else 0
            self.main.line(self.on(1, 2), type="cost-state", totalCostUSD=round(sum_of_all, 6), modelUsage={},
                           hasUnknownModelCost=self.stranger)
        self.main.write(os.path.join(self.folder, self.id + ".jsonl"))

    def prompt(self, complain):
        prompt = f"{self.history.hex(8)}-{self.history.hex(4)}-4{self.history.hex(3)}-9{self.history.hex(3)}-{self.history.hex(12)}"
        executor = self.history.pick([(one, one[6]) for one in EXECUTORS])
        kind = self.rng.random()
        talk = kind < 0.17 and not complain
        tier = 0 if talk else 3 if kind < 0.27 else executor[2]
        self.on(40, 900)
        text = "That is wrong, it still does not work" if complain else "thanks" if talk else "the next part, please"
        self.main.user(self.clock, prompt, text)
        hinted = tier in (1, 2) and self.rng.random() < 0.6
        self.record("prompt", p=prompt, tier=tier, role=executor[3] if tier in (1, 2) else "none", conf=self.rng.randrange(520, 980),
                    rules=executor[4] if tier else ["small-talk"], **({"hint": self.history.pick([("task", 6), ("parts", 2), ("session", 1)])}
                                                                     if hinted else {"why": "no-executor"}))
        for _ in range(self.rng.randrange(1, 3 if tier < 3 else 9)):
            self.main.request(self.on(4, 40), self.model, 1.4 if tier == 3 else 0.9)
        # Delegating becomes more of a habit as the weeks go by.
        weeks = (self.clock - FIRST).days / 7
        if talk or self.rng.random() > (0.45 if tier == 3 else 0.62) + 0.055 * weeks:
            self.main.request(self.on(5, 60), self.model, 1.2)
            return False
        complained = False
        for _ in range(self.history.pick([(1, 6), (2, 3), (3, 1)])):
            complained |= self.delegate(prompt, executor)
            executor = self.history.pick([(one, one[6]) for one in EXECUTORS])
        self.main.request(self.on(4, 30), self.model, 0.8)
        return complained

    def delegate(self, prompt, executor):
        name, model, tier, role, rules, rejected, _, words = executor
        learned = 1.35 - 0.13 * ((self.clock - FIRST).days / 7)
        kind = "accepted"
        if self.rng.random() < rejected * learned:
            kind = self.history.pick([("gave-up", 3), ("error", 2), ("edited", 4), ("complained", 2), ("again", 3)])
        noun, verb, file = self.rng.choice(NOUNS), self.rng.choice(VERBS), self.rng.choice(FILES)
        self.spawn(prompt, executor, words.format(noun, verb), kind, file)
        if kind == "edited" and role == "implement":
            edit = self.main.call(self.on(5, 30), self.model, 0.8, "Edit", {"file_path": f"/home/ana/project/{file}"})
            self.main.result(self.on(1, 2), edit, "ok")
        elif kind == "again":
            self.spawn(prompt, (name, OPUS if model == SONNET else SONNET, tier + 1, role, rules, 0, 0, words),
                       words.format(noun, verb), "accepted", file)
        return kind == "complained" and role == "implement"

    def spawn(self, prompt, executor, task, kind, file):
        name, model, tier, role, rules = executor[:5]
        history, agent, family = self.history, f"a{self.history.hex(16)}", model.split("-")[1]
        self.on(2, 12)
        call = self.main.call(self.clock, self.model, 0.7, "Agent",
                              {"subagent_type": name, "description": task[:30], "prompt": task})
        own = name == "payments-auditor"
        fits = name.startswith("sef-") and (tier == 1) == (model == HAIKU)
        # One call asked for Sonnet and got Opus; the report has to say so.
        ran = model
        if model == SONNET and fits and not self.history.mismatched and self.number > 110:
            ran, self.history.mismatched = OPUS, True
        if self.stranger:
            ran = "acme-coder-70b"
        logged = hashed(name) if own else name
        mode = {} if fits or own else {"req": family}
        self.record("spawn", p=prompt, tu=call, agent=logged, tier=tier, role=role, conf=self.rng.randrange(500, 990),
                    rules=rules[:self.rng.randrange(1, len(rules) + 1)], par=self.model,
                    why="agent-model" if own else "rules", **({} if own else {"want": family}), **mode)
        work = Transcript(history, self.id, agent)
        self.agents.append(work)
        writes = role in ("implement", "document")
        for turn in range(self.rng.randrange(2, 13 if writes else 9)):
            if turn == 1:
                tool, given = ("Write", {"file_path": f"/home/ana/project/{file}", "content": "x"}) if writes else \
                    ("Grep", {"pattern": history.hex(6), "path": "src"})
                done = work.call(self.on(3, 20), ran, 0.8, tool, given)
                work.result(self.on(1, 2), done, "ok")
            else:
                work.request(self.on(3, 20), ran, 0.9)
        path = os.path.join(self.folder, self.id, "subagents", f"agent-{agent}")
        work.write(path + ".jsonl")
        with open(path + ".meta.json", "w", encoding="utf-8") as meta:
            json.dump({"agentType": name, "toolUseId": call, "spawnDepth": 1, **({"model": ran} if own else {})}, meta)
        self.on(1, 3)
        text = {"gave-up": "INCOMPLETE: there is no such thing", "error": "Agent terminated early due to an API error"}.get(kind, "Done, see above.")
        if kind == "error":
            self.main.result(self.clock, call, text, is_error=True)
        elif self.rng.random() < 0.985:
            self.main.result(self.clock, call, text, status="completed", agentId=agent, resolvedModel=ran)
        else:
            return
        out = {"gave-up": "gave_up", "error": "failed"}.get(kind, "ok")
        self.record("result", p=prompt, tu=call, a=agent, agent=logged, ran=ran if ran.startswith("claude-") else "other", out=out)


def turbo(history):
    """Orders to a hosted model in some of the sessions, from numbers of their own so that nothing else changes."""
    rng = random.Random(5)
    sessions = sorted({record["s"] for record in history.log if record["e"] == "prompt"})
    for number in range(14):
        clock = FIRST + datetime.timedelta(2 * number, hours=rng.uniform(8, 17))
        prompt, out = rng.randrange(900, 2400), rng.randrange(1800, 7200)
        why = {4: "truncated", 9: "tests_failed"}.get(number)
        tested = number % 3 != 1 and why != "truncated"
        first = tested and why is None and rng.random() < 0.7
        took = int(out / 2.1 + rng.randrange(200, 900))
        hosted = {"m": "gpt-oss-120b", "i": prompt, "o": out, "r": out // 4, "usd": round(prompt * 0.35 + out * 0.75), "ms": took,
                  "f": 0 if why == "truncated" else rng.randrange(1, 6), "l": 0 if why == "truncated" else out // 11, "ok": why != "truncated"}
        if tested:
            hosted.update({"t1": first, "t": why is None, "fix": 0 if first else 1})
        more = {"why": why} if why else {}
        history.record(clock, "turbo", rng.choice(sessions), ms=took + rng.randrange(5, 12), h=hosted, **more)


def races(history):
    """Races in some of the sessions: some stopped and gone on with, some promoted, some without a winner."""
    rng = random.Random(6)
    sessions = sorted({record["s"] for record in history.log if record["e"] == "prompt"})
    for number in range(13):
        clock = FIRST + datetime.timedelta(3 * number, hours=rng.uniform(8, 17))
        session, count = rng.choice(sessions), rng.randrange(2, 6)
        finished = count - (rng.random() < 0.3)
        passed = 0 if number in (4, 8) else rng.randrange(1, finished + 1)
        reviews = passed
        calls = 2 * count + rng.randrange(0, 4) + reviews
        prompt, out = calls * rng.randrange(1500, 3400), calls * rng.randrange(1400, 3600)
        race = {"id": f"{clock:%Y%m%dT%H%M%S}000Z-{rng.getrandbits(32):08x}", "st": "judged", "n": count, "fin": finished, "ok": passed,
                "k": "any_percent" if number % 4 == 1 else "showdown", "t1": max(0, passed - 1), "dup": int(number == 6), "forged": int(number == 9),
                "calls": calls, "rev": reviews, "w": passed > 0}
        hosted = {"m": "gpt-oss-120b", "i": prompt, "o": out, "r": out // 4, "usd": round(prompt * 0.35 + out * 0.75), "ms": out // 2, "n": number % 3,
                  "f": 1, "l": out // 90, "ok": passed > 0, "fix": count - passed}
        took = rng.randrange(22_000, 240_000)
        if number in (2, 11):
            early = {**race, "st": "stopped", "fin": 0, "ok": 0, "calls": count}
            del early["w"]
            history.record(clock, "race", session, ms=took // 3, h={**hosted, "i": prompt // 3, "o": out // 3, "usd": hosted["usd"] // 3, "f": 0, "l": 0, "ok": False}, rc=early)
            if number == 11:
                continue
        history.record(clock, "race", session, ms=took, h=hosted, rc=race)
        history.record(clock, "race", session, rc={"id": race["id"], "st": "told", "tok": rng.randrange(300, 900)})
        if passed and number % 3 != 2:
            history.record(clock, "race", session, ms=took, h=hosted, rc={**race, "st": "promoted"})


def main():
    history = History(os.path.abspath(sys.argv[1]))
    for number in range(DAYS):
        day = FIRST + datetime.timedelta(number)
        busy = [4, 5, 5, 4, 4, 0, 1][day.weekday()]
        if datetime.date(2026, 11, 2) <= day.date() <= datetime.date(2026, 11, 3):
            busy = 0
        for _ in range(max(0, busy + history.rng.randrange(-1, 2) if busy else history.rng.randrange(0, 2) * busy)):
            history.session(day + datetime.timedelta(hours=history.rng.uniform(7.5, 17)), history.pick(PROJECTS))
    clock = FIRST + datetime.timedelta(12, hours=9)
    history.record(clock, "fault", "demo", why="session-memory")
    turbo(history)
    races(history)
    history.log.sort(key=lambda record: record["t"])
    state = os.path.join(history.root, "state")
    os.makedirs(state, exist_ok=True)
    with open(os.path.join(state, "log.jsonl"), "w", encoding="utf-8") as file:
        file.write("".join(json.dumps(record, separators=(",", ":")) + "\n" for record in history.log))


if __name__ == "__main__":
    main()
