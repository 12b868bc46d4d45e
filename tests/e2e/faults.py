"""Cases: what breaks around SEF, and that the session does not notice."""

import json

from api import http_error, spawn
from trial import GREETING, LOOKUP, NEUTRAL, OTHER_LOOKUP, PORT, case, expect, expect_that, talk


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


@case(clients=("2.1.329",))
def a_broken_state_folder_costs_the_log_and_nothing_else(t):
    home = t.start({NEUTRAL: [spawn(LOOKUP), "done"]}, {GREETING: ["hello.txt:1"]})
    talk(home, NEUTRAL, SEF_STATE_DIR="/dev/null/sef")
    expect("models on the wire", ["haiku"], home.api.families(GREETING))
    return "state folder /dev/null/sef: routed to haiku, stderr empty"


ODD_SETTINGS = (
    b'{\r\n\t"model" : "opus",   "big": 12345678901234567890.10,\r\n'
    b'  "hooks": { "Stop": [ {"hooks":[{"type":"command","command":"true"}]} ] },\r\n\r\n'
    b'  "permissions": {"allow":["Bash(ls:*)"]}  }'
)


@case(clients=("2.1.329",))
def uninstall_gives_settings_back_byte_for_byte(t):
    settings = "home/.claude/settings.json"
    for before in (ODD_SETTINGS, b'{\n  "model": "opus"\n}\n', None):

        def write(home, before=before):
            if before is not None:
                (home.root / settings).write_bytes(before)

        home = t.start({NEUTRAL: [spawn(LOOKUP), "done"]}, {GREETING: ["hello.txt:1"]}, before=write)
        path = home.root / settings
        expect_that(b"sef-hook" in path.read_bytes(), "SEF in settings.json after installing", path.read_bytes()[:200])
        talk(home, NEUTRAL)
        expect("models on the wire while installed", ["haiku"], home.api.families(GREETING))
        run = home.command(home.bin / "sef", "uninstall", "--user")
        expect(f"exit code of uninstall ({run.err.strip()[:200]})", 0, run.code)
        expect("settings.json afterwards", before, path.read_bytes() if path.exists() else None)
        expect("executors afterwards", [], [p.name for p in (home.claude / "agents").glob("sef-*")])
        home.api.seen.clear()
        talk(home, NEUTRAL)
        expect("models on the wire afterwards", ["opus"], home.api.families(GREETING))
    return "odd, plain and absent settings.json came back as they were; the same spawn on opus again"


@case(clients=("2.1.329",))
def the_install_script_gives_a_home_that_routes(t):
    if t.scripted_home is None:
        return None
    home = t.adopt({NEUTRAL: [spawn(LOOKUP), "done"]}, {GREETING: ["hello.txt:1"]})
    hooks = json.loads((home.claude / "settings.json").read_text())["hooks"]
    talk(home, NEUTRAL)
    expect("models on the wire", ["haiku"], home.api.families(GREETING))
    return f"scripts/install.sh --user: {len(hooks)} events registered, look-up on haiku"
