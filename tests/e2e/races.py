"""Cases: races in the client. A prompt asks for one, hint, skill and tools lead to a promoted winner, and no code is seen.

The candidates are those of tests/race/designs/limiter, played by the scripted service; whether they behave is claimed there.
"""

import json
import subprocess
import tomllib
from pathlib import Path

from api import call, plain
from hosted import KEY, VARIABLE, connect, register
from orders import FREE, TOOL, good, loaded_tools, result
from trial import case, expect, expect_on_wire, expect_that, hints, talk

TESTS = Path(__file__).parents[1]
MATERIAL = TESTS / "race/designs/limiter"
DESIGN = (MATERIAL / "design.md").read_text()
COMMAND = (MATERIAL / "command").read_text().strip()
CANDIDATES = ("alpha", "charlie", "delta")
ASKING = "use showdown for the rate limiter"
# Characters of a line of code that no other text has by chance.
TELLING = 24


def texts(folder):
    """The files below a folder, by their paths."""
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts}


def steps():
    """What the service plays: each runner's plan by what it puts first, its code by its contract, every review with yes."""
    emphases = tomllib.loads((TESTS.parent / "rules/race.toml").read_text())["emphasis"]
    played = [{"do": "review", "when": ["You review one program"]}]
    for name, emphasis in zip(CANDIDATES, emphases):
        folder = MATERIAL / "candidates" / name
        plan = {paper: (folder / paper).read_text() for paper in ("plan.md", "contract-1.md")}
        played.append({"do": "answer", "files": plan, "when": ["You plan how a design is built", emphasis["words"]]})
        played.append({"do": "answer", "files": texts(folder / "code"), "when": [f"Variant: {name}."]})
    return played


def code():
    """Lines of the candidates' code that the design does not have."""
    lines = [line.strip() for name in CANDIDATES for text in texts(MATERIAL / "candidates" / name / "code").values() for line in text.splitlines()]
    return {line for line in lines if len(line) >= TELLING and line not in DESIGN}


def git(home, *words):
    """Runs git in the project; what it prints."""
    argv = ["git", "-c", "user.name=u", "-c", "user.email=u@example.com", *words]
    return subprocess.run(argv, cwd=home.project, env=home.environment(), capture_output=True, text=True, check=True, timeout=20).stdout


def checkout(home):
    """Every file of the checkout, the index, HEAD, config and branches, without what git keeps of worktrees and objects."""
    ours = ("objects", "worktrees", "refs/heads/sef-race-", "logs/refs/heads/sef-race-")
    files = {str(p.relative_to(home.project)): p for p in home.project.rglob("*") if p.is_file()}
    return {name: p.read_bytes() for name, p in files.items() if not name.startswith(tuple(f".git/{part}" for part in ours))}


def repository(t, prompts, key=KEY):
    """A home whose project has the base commit, with the service. Gives home and service."""
    home = t.start(prompts)
    for path, text in texts(MATERIAL / "base").items():
        home.write(f"project/{path}", text)
    git(home, "add", "-A")
    git(home, "commit", "-q", "-m", "base")
    service = connect(t, home, steps())
    if key:
        home.settings(env={VARIABLE: key})
    register(home)
    return home, service


def seen_of(home, block):
    """Bytes of a call's result as the model saw it."""
    return len(result(home, block)[1].encode())


@case()
def race_a_showdown_leads_from_hint_and_skill_to_a_promoted_winner_and_no_code_is_seen(t):
    wanted = ["showdown", "race_promote"]
    skill = call("Skill", skill="showdown")
    search = call("ToolSearch", query="select:" + ",".join(TOOL + name for name in wanted), max_results=5)
    start = call(f"{TOOL}showdown", design=DESIGN, test_command=COMMAND, runners=len(CANDIDATES), fix=0)
    promote = call(f"{TOOL}race_promote")
    at_promotion = {}

    def take_the_winner(_):
        at_promotion.update(checkout(home))
        promote["input"] = {"race": good(home, start)["race"]}
        return promote

    calls = [skill, *([] if t.old else [search]), start, take_the_winner]
    home, service = repository(t, {ASKING: [*calls, "done"]})
    before = checkout(home)
    talk(home, ASKING, *FREE, "Skill")
    said = next((text for text in hints(home) if "races are set up" in text), "")
    expect_that(f"{TOOL}showdown" in said and len(said.split()) <= 60, "the hint, of at most 60 words", hints(home))
    expect_on_wire(home, said)
    pages = [plain(m["content"]) for m in home.api.main()[-1].body["messages"] if m["role"] == "user"]
    page = next((text for text in pages if "Showdown (also: race)" in text), "")
    expect_that("What the engine does, so that you do not" in page, "the skill in a request", [text[:80] for text in pages])
    if not t.old:
        expect_that(set(wanted) <= set(loaded_tools(home.api.main()[-1])), "the tools after the look-up", loaded_tools(home.api.main()[-1]))
    value, promoted = good(home, start), good(home, promote)
    expect("(status, winner)", ("ok", "runner-1"), (value["status"], value["winner"]))
    expect("results", ["WINNER", "eliminated", "eliminated"], [one["result"] for one in value["candidates"]])
    expect("the promoted", ("runner-1", "fast-forward"), (promoted["candidate"], promoted["by"]))
    expect("the checkout when the winner was known", [], sorted(n for n in before if at_promotion.get(n) != before[n]))
    expect("files that came before the promotion", [], sorted(set(at_promotion) - set(before)))
    changed = {name for name, content in checkout(home).items() if before.get(name) != content and not name.startswith(".git/")}
    papers = "docs/plans/rate-limiter/speed-run/showdown/"
    expect("code that the promotion brought", {"limiter.py"}, {n for n in changed if not n.startswith(papers)} - {"tests/test_scenarios.py"})
    expect_that(changed > {papers + "result.md"}, "the result among the papers", sorted(changed))
    winner = (MATERIAL / "candidates/alpha/code/limiter.py").read_text()
    expect("the winner's code", winner, (home.project / "limiter.py").read_text())
    expect("git status", "", git(home, "status", "--porcelain"))
    expect("branches of the race", "", git(home, "branch", "--list", "sef-race-*"))
    expect("worktrees", 1, len(git(home, "worktree", "list").splitlines()))
    expect("commits", 2, len(git(home, "log", "--format=%s").splitlines()))
    lines = code()
    wire = "\n".join(json.dumps(s.body, ensure_ascii=False) for s in home.api.seen)
    expect("lines of code on the wire", [], [line for line in lines if json.dumps(line, ensure_ascii=False)[1:-1] in wire])
    files = [p for p in home.claude.rglob("*") if p.is_file()]
    held = [p.name for p in files if any(json.dumps(line)[1:-1].encode() in p.read_bytes() for line in lines)]
    expect("files of the client that hold such a line", [], held)
    results = [seen_of(home, block) for block in (start, promote)]
    expect_that(sum(results) <= 8_000, "small results", results)
    told = (value["conversation_tokens"], promoted["conversation_tokens"])
    expect_that(all(abs(size // 4 - tokens) <= size // 20 + 10 for size, tokens in zip(results, told)), "their own estimate", (results, told))
    hosted = sum(len(json.dumps(body)) for body in service.orders()) // 4
    parts = {"hint": len(said.encode()), "skill": len(page.encode()), "result": results[0], "promotion": results[1]}
    tokens = {name: size // 4 for name, size in parts.items()}
    return (
        f"{len(service.orders())} hosted calls (about {hosted} tokens asked), runner-1 promoted; about {sum(tokens.values())} tokens reached the "
        f"orchestrator ({', '.join(f'{name} {count}' for name, count in tokens.items())}), none of {len(lines)} lines of code"
    )


@case()
def race_a_prompt_that_asks_is_told_where_and_one_that_wavers_gets_an_offer_only_with_a_key(t):
    wavering = "sqlite or a json file for the session store, try both"
    other = "fix the race condition in the job scheduler, it fails any time two workers start"
    said = {}
    for key in (KEY, None):
        home, _ = repository(t, {ASKING: ["fine"], wavering: ["fine"], other: ["fine"]}, key=key)
        for prompt in (other, wavering, ASKING):
            before = len(hints(home))
            talk(home, prompt)
            said[key, prompt] = " ".join(hints(home)[before:])
        expect_that("showdown" not in said[key, other] and "any-percent" not in said[key, other], "no word on races", said[key, other])
    expect_that(f"{TOOL}showdown" in said[KEY, ASKING], "the tool in the hint", said[KEY, ASKING])
    expect_that(f"{TOOL}any_percent" in said[KEY, wavering] and "offering" in said[KEY, wavering], "an offer", said[KEY, wavering])
    expect_that("any-percent" not in said[None, wavering] and VARIABLE not in said[None, wavering], "no offer without a key", said[None, wavering])
    expect_that(VARIABLE in said[None, ASKING] and "stops here" in said[None, ASKING], "how to set the key, and to stop", said[None, ASKING])
    return f"asked: {len(said[KEY, ASKING])} bytes, without a key {len(said[None, ASKING])}; wavering: {len(said[KEY, wavering])} and none"


@case()
def race_without_a_key_the_tool_stops_and_nothing_is_begun(t):
    start = call(f"{TOOL}showdown", design=DESIGN, test_command=COMMAND)
    home, service = repository(t, {ASKING: [start, "done"]}, key=None)
    before = checkout(home)
    talk(home, ASKING, *FREE)
    failed, text = result(home, start)
    expect_that(failed and "no_key" in text and VARIABLE in text, "an error that says no_key", text[:300])
    expect("requests at the service", [], service.asked())
    expect("the checkout", before, checkout(home))
    return "no_key, nothing sent, nothing begun"
