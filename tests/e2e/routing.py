"""Cases: which model a subagent really asks the API for."""

import re

from api import call, spawn
from trial import (
    BUILD, DESIGN, DURATION, GREETING, LIMITER, LOOKUP, MIDDLE, NEUTRAL, NEWEST, OTHER_LOOKUP, PORT,
    case, expect, expect_that, talk,
)  # fmt: skip


def on_the_wire(home, **wanted):
    """Compares the families that each task's subagent asked for; gives them in words."""
    keys = {"greeting": GREETING, "port": PORT, "duration": DURATION, "limiter": LIMITER}
    saw = {name: home.api.families(keys[name]) for name in wanted}
    expect("models on the wire", {name: [family] for name, family in wanted.items()}, saw)
    return ", ".join(f"{name} on {family}" for name, family in wanted.items())


def orchestrator(home):
    """The families that the orchestrator itself asked for."""
    return sorted({s.family for s in home.api.main()})


@case()
def a_lookup_runs_on_haiku_and_the_orchestrator_is_untouched(t):
    home = t.start(
        {NEUTRAL: [spawn(LOOKUP), spawn(OTHER_LOOKUP, agent="Explore"), "done"]},
        {GREETING: ["hello.txt:1"], PORT: ["src/net.py:2"]},
    )
    talk(home, NEUTRAL)
    saw = on_the_wire(home, greeting="haiku", port="haiku")
    expect("the orchestrator's model", ["opus"], orchestrator(home))
    return f"general-purpose and Explore: {saw}; orchestrator on opus"


@case()
def an_implementation_runs_on_sonnet(t):
    home = t.start({NEUTRAL: [spawn(BUILD), "done"]}, {DURATION: ["written, 4 tests pass"]})
    talk(home, NEUTRAL)
    return on_the_wire(home, duration="sonnet")


@case()
def a_design_stays_on_the_parents_model(t):
    home = t.start({NEUTRAL: [spawn(DESIGN), "done"]}, {LIMITER: ["token buckets"]})
    talk(home, NEUTRAL)
    return on_the_wire(home, limiter="opus")


@case()
def a_model_in_the_call_is_left_alone(t):
    home = t.start(
        {NEUTRAL: [spawn(LOOKUP, model="sonnet"), spawn(BUILD, model="opus"), "done"]},
        {GREETING: ["hello.txt:1"], DURATION: ["written"]},
    )
    talk(home, NEUTRAL)
    return on_the_wire(home, greeting="sonnet", duration="opus")


AUDITOR = "---\nname: {name}\ndescription: looks at code\n{model}---\nYou look at code.\n"


@case()
def a_users_agent_with_its_own_model_is_left_alone_and_one_without_is_routed(t):
    def agents(home):
        home.write(".claude/agents/auditor.md", AUDITOR.format(name="auditor", model="model: sonnet\n"))
        home.write("project/.claude/agents/reader.md", AUDITOR.format(name="reader", model=""))

    home = t.start(
        {NEUTRAL: [spawn(LOOKUP, agent="auditor"), spawn(OTHER_LOOKUP, agent="reader"), "done"]},
        {GREETING: ["hello.txt:1"], PORT: ["src/net.py:2"]},
        before=agents,
    )
    talk(home, NEUTRAL)
    return on_the_wire(home, greeting="sonnet", port="haiku")


@case()
def sefs_own_executors_run_on_their_front_matters_model(t):
    home = t.start({})
    wanted = {}
    for path in sorted((home.claude / "agents").glob("sef-*.md")):
        found = re.search(r"^model:\s*(\S+)", path.read_text(), re.MULTILINE)
        wanted[path.stem] = found[1] if found else None
    expect("number of executors", 5, len(wanted))
    expect("model of sef-explore", "haiku", wanted.get("sef-explore"))
    expect_that(set(wanted.values()) <= {"haiku", "sonnet"}, "only haiku and sonnet", wanted)
    home.api.script.prompts[NEUTRAL] = [
        [spawn(f"Do the part named {name} of the work.", agent=name) for name in wanted],
        "done",
    ]
    home.api.script.agents.update({f"part named {name} ": ["done"] for name in wanted})
    talk(home, NEUTRAL)
    saw = {name: home.api.families(f"part named {name} ") for name in wanted}
    expect("models on the wire", {name: [family] for name, family in wanted.items()}, saw)
    return ", ".join(f"{name} on {family}" for name, family in wanted.items())


@case()
def a_nested_spawn_is_routed_and_never_dearer_than_its_parent(t):
    inner_build = BUILD.replace("parse_duration", "parse_interval")
    home = t.start(
        {NEUTRAL: [spawn(BUILD), spawn(LOOKUP), "done"]},
        {DURATION: [spawn(OTHER_LOOKUP), "written"], PORT: ["src/net.py:2"],
         GREETING: [spawn(inner_build), "hello.txt:1"], "parse_interval": ["written"]},
    )  # fmt: skip
    talk(home, NEUTRAL)
    saw = on_the_wire(home, duration="sonnet", port="haiku", greeting="haiku")
    expect("implementation under a haiku parent", ["haiku"], home.api.families("parse_interval"))
    return f"{saw} (spawned by duration), implementation spawned by a haiku agent on haiku"


@case()
def a_rewrite_keeps_the_rest_of_the_call(t):
    task = LOOKUP + ' Mind "quotes", a back\\slash, naïve 漢字 🦊, a tab\there,\nand ' + "a long tail. " * 4000
    more = {"effort": "low"} if t.newest else {}
    home = t.start({NEUTRAL: [spawn(task, **more), "done"]}, {GREETING: ["hello.txt:1"]})
    talk(home, NEUTRAL)
    saw = on_the_wire(home, greeting="haiku")
    request = home.api.agent(GREETING)[0]
    expect_that(task.strip() in request.text(), "the task unchanged, to the byte", request.text()[-300:])
    if t.newest:
        expect("effort on the wire", "low", (request.body.get("output_config") or {}).get("effort"))
    return f"{saw}, {len(task.encode())} bytes of task unchanged{', effort low kept' if t.newest else ''}"


@case()
def parallel_spawns_are_each_routed_by_their_own_task(t):
    home = t.start(
        {NEUTRAL: [[spawn(LOOKUP), spawn(BUILD), spawn(DESIGN)], "done"]},
        {GREETING: ["hello.txt:1"], DURATION: ["written"], LIMITER: ["token buckets"]},
    )
    talk(home, NEUTRAL)
    return "one message: " + on_the_wire(home, greeting="haiku", duration="sonnet", limiter="opus")


@case()
def a_background_spawn_is_routed(t):
    home = t.start({NEUTRAL: [spawn(LOOKUP, background=True), "waiting"]}, {GREETING: ["hello.txt:1"]})
    talk(home, NEUTRAL)
    return on_the_wire(home, greeting="haiku")


@case()
def a_subagent_model_in_the_environment_wins(t):
    home = t.start(
        {NEUTRAL: [spawn(LOOKUP), spawn(DESIGN), "done"]},
        {GREETING: ["hello.txt:1"], LIMITER: ["token buckets"]},
        CLAUDE_CODE_SUBAGENT_MODEL="sonnet",
    )
    talk(home, NEUTRAL)
    return "CLAUDE_CODE_SUBAGENT_MODEL=sonnet: " + on_the_wire(home, greeting="sonnet", limiter="sonnet")


@case()
def a_model_named_in_the_prompt_is_used_for_its_spawns(t):
    home = t.start({"~sonnet": [spawn(LOOKUP), "done"]}, {GREETING: ["hello.txt:1"]})
    talk(home, "~sonnet find where the greeting is defined")
    return "~sonnet: " + on_the_wire(home, greeting="sonnet")


@case()
def under_a_haiku_orchestrator_nothing_gets_dearer(t):
    home = t.start(
        {NEUTRAL: [call("Read", file_path="hello.txt"), spawn(BUILD), spawn(DESIGN), spawn(LOOKUP), "done"]},
        {DURATION: ["written"], LIMITER: ["token buckets"], GREETING: ["hello.txt:1"]},
    )
    talk(home, NEUTRAL, model="haiku")
    saw = on_the_wire(home, duration="haiku", limiter="haiku", greeting="haiku")
    expect("the orchestrator's model", ["haiku"], orchestrator(home))
    return f"orchestrator on haiku: {saw}"


# When a session's first message spawns, the transcript holds no answer yet. The newest client has noted its
# model there by then; the others have not, and nothing else tells a hook.
@case(clients=(NEWEST,), but=(MIDDLE,))
def a_spawn_in_the_first_message_of_a_haiku_orchestrator_gets_no_dearer(t):
    home = t.start({NEUTRAL: [spawn(BUILD), "done"]}, {DURATION: ["written"]})
    talk(home, NEUTRAL, model="haiku")
    return "first message of the session: " + on_the_wire(home, duration="haiku")
