"""Cases: the report says what really ran and what it cost, as the client and the wire say it."""

import json
import re

from api import Reply, call, spawn, thought
from trial import (
    BUILD, DESIGN, DURATION, GREETING, LIMITER, LOOKUP, NEUTRAL, OTHER_LOOKUP, PORT,
    case, expect, expect_that, talk,
)  # fmt: skip

CENT = 0.01


def family(model):
    """The family in a model's name or id; the name itself when it has none."""
    return next((f for f in ("haiku", "sonnet", "opus", "fable") if model and f in model), model)


def mismatches(home):
    """How many delegations ran on something else than was asked for, by the report's sum and by its list."""
    delegations = home.report()["delegations"]
    listed = sum(one["mismatch"] for one in delegations["list"])
    expect("mismatches in the list and in the sum", listed, delegations["mismatches"])
    return listed


@case()
def the_report_lists_every_spawn_and_no_mismatch(t):
    home = t.start(
        {NEUTRAL: [[spawn(LOOKUP), spawn(BUILD)], spawn(DESIGN), "done"]},
        {GREETING: ["hello.txt:1"], DURATION: [spawn(OTHER_LOOKUP), "written"],
         PORT: ["src/net.py:2"], LIMITER: ["token buckets"]},
    )  # fmt: skip
    talk(home, NEUTRAL)
    keys = (GREETING, DURATION, LIMITER, PORT)
    wire = sorted(f for key in keys for f in home.api.families(key))
    expect("models on the wire", ["haiku", "haiku", "opus", "sonnet"], wire)
    delegations = home.report()["delegations"]
    listed = sorted((d["ran"], d["requested"], d["wanted"]) for d in delegations["list"])
    # A spawn left to inherit requests nothing.
    expect(
        "(ran, requested, wanted) of every spawn",
        [("haiku", "haiku", "haiku"), ("haiku", "haiku", "haiku"), ("opus", None, "opus"), ("sonnet",) * 3],
        listed,
    )
    expect("mismatches", 0, mismatches(home))
    kinds = {kind: delegations[kind] for kind in ("nested", "unknown", "not_seen_by_hook")}
    expect("kinds of spawns", {"nested": 1, "unknown": 0, "not_seen_by_hook": 0}, kinds)
    return "4 spawns, one of them nested: wanted = requested = ran, opus inherited, 0 mismatches"


@case()
def the_report_finds_a_spawn_that_ran_on_another_model(t):
    home = t.start(
        {NEUTRAL: [[spawn(LOOKUP), spawn(BUILD)], "done"]},
        {GREETING: ["hello.txt:1"], DURATION: ["written"]},
    )
    talk(home, NEUTRAL)
    expect("mismatches before", 0, mismatches(home))
    changed = [p for p in home.agent_transcripts() if GREETING in p.read_text()]
    expect("transcripts of the look-up", 1, len(changed))
    text = changed[0].read_text()
    planted = re.sub(r'("model":\s*")claude-haiku[^"]*"', r'\1claude-opus-5-5"', text)
    expect_that(planted != text, "a haiku model in the agent's transcript", changed[0].name)
    changed[0].write_text(planted)
    expect("mismatches after planting one", 1, mismatches(home))
    return "0 before, 1 after one agent's transcript was edited from haiku to opus"


@case()
def the_report_finds_a_model_that_the_settings_exclude(t):
    home = t.start(
        {NEUTRAL: [[spawn(LOOKUP), spawn(BUILD)], "done"]},
        {GREETING: ["hello.txt:1"], DURATION: ["written"]},
    )
    home.settings(availableModels=["opus", "sonnet"])
    talk(home, NEUTRAL)
    expect("models on the wire", ["opus"], home.api.families(GREETING))
    expect("models on the wire", ["sonnet"], home.api.families(DURATION))
    expect("mismatches", 1, mismatches(home))
    return "availableModels without haiku: wanted haiku, ran on opus, 1 mismatch"


def priced(second):
    """A session with every kind of token, split messages, and haiku requests on both sides of its price band."""

    def cached(five_minutes, hour, **more):
        split = {"ephemeral_5m_input_tokens": five_minutes, "ephemeral_1h_input_tokens": hour}
        return {"cache_creation_input_tokens": five_minutes + hour, "cache_creation": split, **more}

    opening = Reply(
        [thought("two parts"), {"type": "text", "text": "Two agents."}, spawn(LOOKUP), spawn(second)],
        cached(30_000, 12_000, input_tokens=20_000, cache_read_input_tokens=45_000, output_tokens=9_000),
    )
    below = Reply(
        [thought("look"), {"type": "text", "text": "Looking."}, call("Read", file_path="hello.txt")],
        cached(9_000, 0, input_tokens=61_000, cache_read_input_tokens=30_000, output_tokens=15_000),
    )
    above = Reply(
        [{"type": "text", "text": "hello.txt:1"}],
        cached(8_000, 4_000, input_tokens=64_000, cache_read_input_tokens=90_000, output_tokens=21_000),
    )
    written = Reply(
        [thought("done"), {"type": "text", "text": "written"}],
        cached(0, 25_000, input_tokens=33_000, cache_read_input_tokens=120_000, output_tokens=17_000),
    )
    return {NEUTRAL: [opening, Reply([thought("fine"), {"type": "text", "text": "done"}])]}, {
        GREETING: [below, above],
        DURATION: [written],
        LIMITER: [written],
    }


@case()
def the_reports_cost_is_the_clients_own(t):
    # The oldest client still prices Sonnet 5 at $3/$15, a rise that never came; its second agent is on opus.
    home = t.start(*priced(DESIGN if t.old else BUILD))
    result = talk(home, NEUTRAL)
    second = home.api.families(LIMITER if t.old else DURATION)
    expect("models on the wire", (["haiku"], ["opus" if t.old else "sonnet"]), (home.api.families(GREETING), second))
    client, states = result["total_cost_usd"], home.lines("cost-state")
    if states:
        expect("the client's two figures", round(client, 6), round(states[-1]["totalCostUSD"], 6))
    cost = home.report()["cost"]
    saw = cost["actual_usd"]
    expect_that(abs(saw - client) < CENT / 2, f"${client:.6f} as the client says", saw)
    split = {model: usage["costUSD"] for model, usage in result["modelUsage"].items()}
    mine = {model: usage["usd"] for model, usage in cost["by_model"].items()}
    expect("models with a cost", sorted(split), sorted(mine))
    off = {m: (mine[m], split[m]) for m in split if abs(mine[m] - split[m]) >= CENT / 2}
    expect("models whose cost differs (report, client)", {}, off)
    expect("differences that the report itself found", [], cost["differences"])
    parts = ", ".join(f"{family(m)} ${usd:.4f}" for m, usd in sorted(split.items()))
    return f"report ${saw:.6f}, client ${client:.6f} ({parts}){', cost-state agrees' if states else ''}"


@case()
def no_prompt_is_in_the_log_or_the_report(t):
    word = "zebrafinch"
    home = t.start({word: [spawn(LOOKUP + f" It is called {word}."), "done"]}, {GREETING: ["hello.txt:1"]})
    talk(home, f"please look after the {word}")
    files = [p for p in home.state.rglob("*") if p.is_file()]
    expect_that(files, "files in the state folder", files)
    holding = [p.name for p in files if word.encode() in p.read_bytes()]
    expect("files of SEF that hold a word of the prompt", [], holding)
    expect_that(word not in json.dumps(home.report()), "a report without a word of the prompt", word)
    return f"{len(files)} files in the state folder, none holds a word of the prompt"
