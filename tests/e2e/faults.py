"""Cases: what breaks around SEF, and that the session does not notice."""

from api import http_error, spawn
from trial import GREETING, LOOKUP, NEUTRAL, NEWEST, OTHER_LOOKUP, PORT, case, expect, talk


@case()
def after_a_refused_rewrite_the_mode_is_left_alone(t):
    home = t.start(
        {NEUTRAL: [spawn(LOOKUP), spawn(OTHER_LOOKUP), "done"], "go on": [spawn(LOOKUP), "done"]},
        {GREETING: ["hello.txt:1"], PORT: ["src/net.py:2"]},
    )
    # The scripted API has no safety check, so the client refuses every spawn in this mode.
    refused = home.ask(NEUTRAL, "--permission-mode", "auto").result()
    asked = [d["tool_input"].get("model") for d in refused["permission_denials"]]
    expect("models of the refused calls", ["haiku", None], asked)
    report = home.report()
    expect("refused spawns in the report", 1, report["delegations"]["refused"])
    expect("refusals in the report", [(1, "auto")], [(r["calls"], r["mode"]) for r in report["hook"]["refusals"]])
    talk(home, "go on", "--resume", refused["session_id"], "--permission-mode", "default")
    expect("models on the wire in another mode", ["haiku"], home.api.families(GREETING))
    return "auto: first call changed and refused, second left alone, report says 1; default mode: changed"


@case()
def a_model_that_the_api_does_not_know_is_not_asked_for_again(t):
    def unknown_haiku(seen):
        return http_error(404, "not_found_error", f"model: {seen.model}") if seen.family == "haiku" else "found"

    home = t.start(
        {NEUTRAL: [spawn(LOOKUP), spawn(OTHER_LOOKUP), "done"]},
        {GREETING: [unknown_haiku], PORT: [unknown_haiku]},
    )
    talk(home, NEUTRAL)
    first, second = home.api.agent(GREETING), home.api.agent(PORT)
    expect("statuses of the first spawn", {404}, {s.status for s in first})
    expect("models of the second spawn", ["opus"], sorted({s.family for s in second}))
    expect("statuses of the second spawn", {200}, {s.status for s in second})
    return "first spawn: haiku, 404; second: the parent's opus, answered"


@case()
def a_deleted_hook_is_a_no_op(t):
    home = t.start({}, {GREETING: ["hello.txt:1"], PORT: ["src/net.py:2"]})

    def delete_then_spawn(_):
        (home.bin / "sef-hook").unlink()
        return spawn(OTHER_LOOKUP)

    home.api.script.prompts[NEUTRAL] = [spawn(LOOKUP), delete_then_spawn, "done"]
    result = talk(home, NEUTRAL)
    expect("the model before", ["haiku"], home.api.families(GREETING))
    expect("the model after", ["opus"], home.api.families(PORT))
    expect("the session's last word", "done", result["result"])
    return "haiku before, the parent's opus after, exit 0, stderr empty"


@case(clients=(NEWEST,))
def a_broken_state_folder_costs_the_log_and_nothing_else(t):
    home = t.start({NEUTRAL: [spawn(LOOKUP), "done"]}, {GREETING: ["hello.txt:1"]})
    talk(home, NEUTRAL, SEF_STATE_DIR="/dev/null/sef")
    expect("models on the wire", ["haiku"], home.api.families(GREETING))
    return "state folder /dev/null/sef: routed to haiku, stderr empty"
