#!/usr/bin/env python3
"""Compares the cost that `sef-stats report` and ccusage find in made-up transcripts: compare-ccusage.py FOLDER-OF-BINARIES

One small corpus for each thing that makes counting hard, and for each the sum by hand: which requests there are and at
which row of rules/prices.toml. Fails when SEF differs from the hand's sum, or ccusage where it is known to agree.
Skipped, with a message, when npm cannot get ccusage.
"""
import json
import os
import subprocess
import sys
import tempfile
import tomllib

import ccusage

HERE = os.path.dirname(os.path.abspath(__file__))
RATES = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")
CENT = 0.01


def prices():
    with open(os.path.join(HERE, "../rules/prices.toml"), "rb") as file:
        return tomllib.load(file)["price"]


class Corpus:
    """Transcripts of one case, and the requests in them as a person counts them."""

    def __init__(self, name, agrees, note="", spaced=False):
        self.name, self.agrees, self.note, self.spaced = name, agrees, note, spaced
        self.files, self.requests, self.clock = {}, [], 0

    def line(self, file, message, kind="assistant", day="2026-11-18", **more):
        """One line; a list of files puts the same line into each, as copies do."""
        self.clock += 1
        for place in [file] if isinstance(file, str) else file:
            session = place.split("/")[0].removesuffix(".jsonl")
            line = {"parentUuid": None, "isSidechain": "/" in place, "sessionId": session, "version": "2.1.329", "type": kind,
                    "cwd": "/home/user/shop", "uuid": f"u-{self.clock}", "message": message,
                    "timestamp": f"{day}T10:{self.clock // 60:02}:{self.clock % 60:02}.000Z", **more}
            if "/" in place:
                line["agentId"] = place.rsplit("agent-", 1)[1].removesuffix(".jsonl")
            self.files.setdefault(place, []).append(line)

    def answer(self, file, number, model, blocks=1, outputs=None, counted=True, extra=None, row=None, **tokens):
        """A request on so many lines. `row` names the row of the prices that holds, `extra` adds to the usage."""
        counts = dict.fromkeys(RATES, 0) | tokens
        for block in range(blocks):
            output = outputs[block] if outputs else counts["output"]
            usage = {"input_tokens": counts["input"], "output_tokens": output, "cache_read_input_tokens": counts["cache_read"],
                     "cache_creation_input_tokens": counts["cache_write_5m"] + counts["cache_write_1h"],
                     "cache_creation": {"ephemeral_5m_input_tokens": counts["cache_write_5m"],
                                        "ephemeral_1h_input_tokens": counts["cache_write_1h"]},
                     "server_tool_use": {"web_search_requests": 0}, "service_tier": "standard", "speed": "standard"}
            for key, value in (extra or {}).items():
                usage[key] = value
                if value is None:
                    del usage[key]
            message = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": model, "usage": usage,
                       "content": [{"type": "text", "text": f"part {block}"}], "stop_reason": None}
            self.line(file, message, requestId=f"req_{number}", **({"day": row["day"]} if row and "day" in row else {}))
        if counted:
            counts["output"] = max(outputs) if outputs else counts["output"]
            self.requests.append((model, counts, row or {}, extra or {}))
        return self

    def write(self, claude):
        for place, lines in self.files.items():
            path = os.path.join(claude, "projects/-home-user-shop", place)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            separators = (", ", ": ") if self.spaced else (",", ":")
            with open(path, "w", encoding="utf-8") as out:
                out.writelines(json.dumps(line, separators=separators) + "\n" for line in lines)

    def by_hand(self, rows):
        """The sum in dollars, and how it comes about."""
        total, shown = 0.0, []
        for model, counts, row, extra in self.requests:
            card = [one for one in rows if one["model"] == model and one.get("over_prompt", 0) == row.get("over_prompt", 0)
                    and one.get("from") == row.get("from") and one.get("speed") == row.get("speed")]
            assert len(card) == 1, (model, row)
            parts = [(counts[rate], card[0][rate]) for rate in RATES if counts[rate]]
            factor = 1.1 if extra.get("inference_geo") == "us" else 1.0
            searches = extra.get("server_tool_use", {}).get("web_search_requests", 0)
            total += sum(count * rate for count, rate in parts) / 1e6 * factor + searches * 10 / 1000
            text = " + ".join(f"{count:,} x ${rate:g}" for count, rate in parts)
            text = f"({text})" + (" x 1.1" if factor != 1 else "") + (f" + {searches} searches x $0.01" if searches else "")
            shown.append(f"{model.removeprefix('claude-')}: {text}")
        return total, shown


def cases():
    opus, haiku, sonnet = "claude-opus-5", "claude-haiku-4-5", "claude-sonnet-5"
    big = {"input": 20_000, "output": 9_000, "cache_read": 150_000, "cache_write_5m": 40_000}

    one = Corpus("one line for each request", True)
    for number, model in enumerate([opus, haiku, sonnet, "claude-fable-5-1", "claude-opus-4-8", "claude-sonnet-4-6"]):
        one.answer("s1.jsonl", number, model, **big)
    yield one

    yield Corpus("one request on three lines", True).answer("s1.jsonl", 1, opus, blocks=3, **big)
    growing = Corpus("the same, output growing line by line", True)
    yield growing.answer("s1.jsonl", 1, opus, blocks=3, outputs=[1, 400, 90_000], **big)

    agent = Corpus("subagents in files of their own", True)
    agent.answer("s1.jsonl", 1, opus, **big)
    yield agent.answer("s1/subagents/agent-a1.jsonl", 2, haiku, blocks=2, **big)

    copied = Corpus("a fork: an agent's file with copies of its parent's lines", True)
    copied.answer(["s1.jsonl", "s1/subagents/agent-a1.jsonl"], 1, opus, blocks=2, **big)
    yield copied.answer("s1/subagents/agent-a1.jsonl", 2, haiku, **big)

    resumed = Corpus("a resumed session: the old one's lines in a new file", True)
    for number in range(3):
        resumed.answer(["s1.jsonl", "s2.jsonl"], number, opus, blocks=2, **big)
    yield resumed.answer("s2.jsonl", 9, opus, **big)

    yield Corpus("cache writes for five minutes", True).answer("s1.jsonl", 1, opus, cache_write_5m=120_000, output=10)
    yield Corpus("cache writes for an hour", True).answer("s1.jsonl", 1, opus, cache_write_1h=120_000, output=10)
    both = Corpus("cache writes of both kinds in one request", True)
    yield both.answer("s1.jsonl", 1, opus, cache_write_5m=70_000, cache_write_1h=50_000, output=10)
    yield Corpus("cache writes without their kinds (old clients)", True).answer(
        "s1.jsonl", 1, opus, cache_write_5m=120_000, output=10, extra={"cache_creation": None})
    yield Corpus("cache writes whose kinds do not add up", False,
                 "the client charges the rest as five-minute writes; ccusage counts the kinds only").answer(
        "s1.jsonl", 1, opus, cache_write_5m=120_000, output=10,
        extra={"cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}})

    newest = "ccusage has no price for this model offline and counts $0"
    band = Corpus("bands by prompt length (Haiku 5.5)", False, newest)
    band.answer("s1.jsonl", 1, "claude-haiku-5-5", input=1_000, cache_read=99_000, output=50_000)
    yield band.answer("s1.jsonl", 2, "claude-haiku-5-5", input=1_001, cache_read=99_000, output=50_000, row={"over_prompt": 100_000})
    dated = Corpus("a price that changed on a day (Sonnet 5.5)", False, newest)
    dated.answer("s1.jsonl", 1, "claude-sonnet-5-5", cache_read=900_000, output=10, row={"day": "2026-10-06"})
    yield dated.answer("s1.jsonl", 2, "claude-sonnet-5-5", cache_read=900_000, output=10, row={"day": "2026-10-07", "from": "2026-10-07"})
    long = Corpus("a prompt of more than 200,000 tokens (Sonnet 4.5)", False,
                  "ccusage charges what is above 200,000 at a higher rate; our list has one rate for this model")
    yield long.answer("s1.jsonl", 1, "claude-sonnet-4-5", input=300_000, output=1_000)

    yield Corpus("fast mode", True).answer("s1.jsonl", 1, opus, extra={"speed": "fast"}, row={"speed": "fast"}, **big)
    us = "the price list has a factor of 1.1 for it, which ccusage leaves out"
    yield Corpus("inference bound to the US", False, us).answer("s1.jsonl", 1, opus, extra={"inference_geo": "us"}, **big)
    searches = "a search costs $0.01 by the price list; ccusage counts tokens only"
    yield Corpus("web searches", False, searches).answer(
        "s1.jsonl", 1, opus, extra={"server_tool_use": {"web_search_requests": 30}}, **big)

    made_up = Corpus("what the client made up itself (errors)", True)
    made_up.answer("s1.jsonl", 1, opus, **big)
    yield made_up.answer("s1.jsonl", 2, "<synthetic>", counted=False)
    spaced = Corpus("JSON with spaces after colons and commas", False, "ccusage skips such lines", spaced=True)
    yield spaced.answer("s1.jsonl", 1, opus, **big)


def output(command, env):
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.splitlines()[0])
    stats, rows, wrong = os.path.join(sys.argv[1], "sef-stats"), prices(), 0
    with tempfile.TemporaryDirectory(prefix="sef-ccusage-") as work:
        other, why = ccusage.install(os.path.join(work, "npm"))
        if other is None:
            print(f"skipped: {why}")
            return
        print(f"{'':<58}{'by hand':>10}{'SEF':>10}{'ccusage':>10}  ccusage {ccusage.VERSION}")
        for number, case in enumerate(cases()):
            home = os.path.join(work, str(number))
            env = ccusage.environment(home, os.path.join(home, "claude"))
            case.write(env["CLAUDE_CONFIG_DIR"])
            hand, shown = case.by_hand(rows)
            ours = output([stats, "report", "--json"], env)["cost"]["actual_usd"]
            theirs = output([other, "claude", "daily", "--offline", "--json"], env)["totals"]["totalCost"] or 0.0
            same, equal = abs(ours - hand) < CENT / 2, abs(theirs - hand) < CENT / 2
            verdict = "equal" if same and equal else "differs" if same else "SEF IS WRONG"
            unexpected = not same or bool(case.agrees and not equal)
            wrong += unexpected
            if not case.agrees and equal:
                verdict = "equal (it did not use to be)"
            print(f"{case.name:<58}{hand:>10.4f}{ours:>10.4f}{theirs:>10.4f}  {verdict}{' !' if unexpected else ''}")
            if not (same and equal):
                for line in [case.note, *shown]:
                    print(f"    {line}")
    if wrong:
        sys.exit(f"{wrong} cases are not as they should be")


main()
