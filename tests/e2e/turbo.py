"""Cases: turbo in the client. A contract goes in, names and counts come out, and the code is in no conversation.

What the model sees is taken from the request that follows a call; what was generated is looked for in every request to
the API and in every file of the client's by a word that nothing but the scripted service holds.
"""

import json
import re
import sys

from api import call, spawn
from hosted import KEY, NAME, VARIABLE, register
from orders import (
    ANSWER, CANARY, CODE, CONTRACT, FAULTY, FREE, LONG, SLOW, TOOL, TOOLS, VAGUE, WORK,
    expect_nowhere, good, loaded_tools, order, result, session, there,
)  # fmt: skip
from trial import GREETING, LOOKUP, MIDDLE, NEWEST, case, expect, expect_on_wire, expect_that, hints, talk
from tui import Screen


@case()
def turbo_the_server_connects_and_the_key_goes_to_the_service_only(t):
    status = call(f"{TOOL}check_status")
    home, service = session(t, [status])
    run = home.command(home.client, "mcp", "add", "--scope", "user", NAME, "--", home.bin / "sef", "mcp")
    expect(f"exit code of claude mcp add ({run.err.strip()[:200]})", 0, run.code)
    listed = home.command(home.client, "mcp", "list").out
    expect_that("Connected" in listed and NAME in listed, f"{NAME} as connected in claude mcp list", listed[-300:])
    run = home.ask(WORK, *FREE, "--output-format", "stream-json", "--verbose")
    expect("exit code", 0, run.code)
    began = next(line for line in map(json.loads, run.out.splitlines()) if line.get("subtype") == "init")
    tools = sorted(name.removeprefix(TOOL) for name in began["tools"] if name.startswith(TOOL))
    expect("tools of the session", TOOLS, tools)
    value = good(home, status)
    expect("check_status", ("ready", True), (value["status"], value["key_set"]))
    sent = {one["headers"].get("authorization") for one in service.asked() if "/public/" not in one["path"]}
    expect("keys that the service got", {f"Bearer {KEY}"}, sent)
    looked = expect_nowhere(home, KEY, home.state)
    expect_that(KEY not in run.out, "output of the client without the key", "it is there")
    return f"connected, {len(tools)} tools, ready; the key reached the service and is in none of {looked} files"


@case()
def turbo_without_a_key_check_status_says_no_key_and_asks_nobody(t):
    for given in ({}, {VARIABLE: "${" + VARIABLE + "}"}):
        status = call(f"{TOOL}check_status")
        home, service = session(t, [status], key=None)
        got = home.root / "got"
        register(home, "/bin/sh", "-c", f'printenv {VARIABLE} >{got}; exec "$0" "$@"', **given)
        talk(home, WORK, *FREE)
        expect("the variable as the server got it", "".join(given.values()), got.read_text().strip())
        value = good(home, status)
        expect("check_status", ("no_key", False), (value["status"], value["key_set"]))
        expect_that(VARIABLE in value["message"] + value["fix"], f"{VARIABLE} in what to do", value)
        expect("requests at the service", [], service.asked())
    return "no_key without the variable and with its literal placeholder, nothing sent"


@case(clients=(NEWEST,), but=(MIDDLE,))  # The others defer nothing: there every request holds all the tools.
def turbo_only_check_status_is_loaded_at_once_and_the_rest_is_looked_up(t):
    wanted = order()
    search = call("ToolSearch", query=f"select:{wanted['name']}", max_results=1)
    home, _ = session(t, [search, wanted])
    register(home)
    talk(home, WORK, *FREE)
    requests = home.api.main()
    loaded = [loaded_tools(seen) for seen in requests[:2]]
    expect("tools in the first request", ["check_status"], loaded[0])
    expect("tools after the look-up", ["check_status", "generate_and_write_files"], loaded[1])
    named = [name for name in TOOLS if TOOL + name in json.dumps(requests[0].body)]
    expect("names in the first request", TOOLS, named)
    good(home, wanted)
    expect("files in the project", CODE, there(home))
    home, _ = session(t, [], key=None)
    register(home)
    talk(home, WORK)
    expect("tools in the first request without a key", [], loaded_tools(home.api.main()[0]))
    return "check_status at once, generate_and_write_files after ToolSearch; without a key none"


@case()
def turbo_a_vague_prompt_is_denied_with_what_is_missing_and_nobody_is_asked(t):
    vague = order(VAGUE)
    home, service = session(t, [vague])
    register(home)
    talk(home, WORK, *FREE)
    failed, text = result(home, vague)
    expect_that(failed, "an error as the result", text[:200])
    expect_that("Missing: DATA CONTRACT, ALGORITHM, RULES" in text, "the missing sections in the result", text[:300])
    expect("orders at the service", [], service.orders())
    expect("files", {}, there(home))
    expect("refusals in the report", 1, home.report()["turbo"]["vague"])
    return f"denied in {len(text.encode())} bytes, no order, no file"


@case()
def turbo_an_accepted_contract_is_written_and_its_code_is_in_no_conversation(t):
    wanted = order()
    home, service = session(t, [wanted])
    register(home)
    talk(home, WORK, *FREE)
    value = good(home, wanted)
    expect("files in the project", CODE, there(home))
    counted = [(name, len(text.splitlines()), "created") for name, text in CODE.items()]
    expect("files in the result", counted, [(f["path"], f["lines"], f["action"]) for f in value["files"]])
    expect_that(value["status"] == "ok" and value["run"], "a run's id", value)
    bodies = service.orders()
    expect("orders at the service", 1, len(bodies))
    sent = bodies[0]["messages"][-1]["content"]
    expect_that(CONTRACT.strip() in sent, "the contract in the order", sent[:200])
    looked = expect_nowhere(home, CANARY)
    return f"{len(CODE)} files and a run's id in the result; the code is in no request and in none of {looked} files"


@case()
def turbo_tests_run_and_undo_takes_the_files_away(t):
    wanted = order(test_command="python3 -m unittest -q")
    tests = call(f"{TOOL}run_tests", command="python3 -m unittest -q", dir="tools/logsum")
    undo = call(f"{TOOL}undo")

    def undo_by_id(_):
        undo["input"] = {"run": good(home, wanted)["run"]}
        return undo

    home, _ = session(t, [wanted, tests, undo_by_id])
    register(home)
    talk(home, WORK, *FREE)
    ordered, ran, undone = good(home, wanted), good(home, tests), good(home, undo)
    expect("tests of the order", (True, True), (ordered["tests"]["passed"], ordered["tests"]["first_pass"]))
    expect("verdict and counts", ("passed", 3, 0), (ran["verdict"], ran["passed"], ran["failed"]))
    expect("removed, of the same run", (sorted(CODE), ordered["run"]), (sorted(undone["removed"]), undone["run"]))
    expect("files afterwards", {}, there(home))
    expect_nowhere(home, CANARY)
    return f"3 tests passed ({ran['sandbox']}), {len(undone['removed'])} files removed again"


@case()
def turbo_failing_tests_are_named_and_a_repair_is_the_services_work(t):
    faulty, mended = {**ANSWER, "files": FAULTY}, {**ANSWER, "files": {"logsum.py": CODE["logsum.py"]}}
    failing = "test_blank_lines_do_not_count"
    alone = order(test_command="python3 -m unittest -q")
    home, _ = session(t, [alone], answers=[faulty])
    register(home)
    talk(home, WORK, *FREE)
    failed, text = result(home, alone)
    for words in ("tests_failed", "2 passed, 1 failed", failing):
        expect_that(failed and words in text, f"an error that says {words}", text[:600])
    # The runner quotes the line of the test that failed; of what was tested nothing may be seen.
    expect_nowhere(home, "for line in lines")
    repaired = order(test_command="python3 -m unittest -q", fix=1)
    home, service = session(t, [repaired], answers=[faulty, mended])
    register(home)
    talk(home, WORK, *FREE)
    tests = good(home, repaired)["tests"]
    expect("(passed, first pass, repairs)", (True, False, 1), (tests["passed"], tests["first_pass"], tests["repairs"]))
    bodies = service.orders()
    expect("orders at the service", 2, len(bodies))
    expect_that(failing in json.dumps(bodies[1]), "the failing test in the second order", "it is not there")
    expect("files in the project", CODE, there(home))
    expect_nowhere(home, CANARY)
    return "1 of 3 failed and is named, nothing of what it tested is shown; with fix=1 the service mended it"


# Stands between the client and the server, and writes down every line of either.
TAP = """
import subprocess, sys, threading
log = open(sys.argv[1], "ab", buffering=0)
server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
def carry(source, sink, mark):
    for line in source:
        log.write(mark + line)
        sink.write(line)
        sink.flush()
    sink.close()
threading.Thread(target=carry, args=(sys.stdin.buffer, server.stdin, b">"), daemon=True).start()
carry(server.stdout, sys.stdout.buffer, b"<")
"""


@case()
def turbo_progress_is_sent_under_the_clients_token_before_the_result(t):
    wanted = order()
    home, _ = session(t, [wanted], answers=[SLOW])
    tap, log = home.write("tap.py", TAP), home.root / "tap.log"
    register(home, sys.executable, "-IB", tap, log)
    talk(home, WORK, *FREE)
    good(home, wanted)
    lines = [(line[:1], json.loads(line[1:])) for line in log.read_text().splitlines()]
    asked = next(m for side, m in lines if side == ">" and m.get("method") == "tools/call")
    token = asked["params"]["_meta"]["progressToken"]
    answers = [m for side, m in lines if side == "<"]
    until = next(n for n, m in enumerate(answers) if m.get("id") == asked["id"])
    told = [m["params"] for m in answers[:until] if m.get("method") == "notifications/progress"]
    expect("tokens", {token}, {one["progressToken"] for one in told})
    counts, words = [one["progress"] for one in told], [one["message"] for one in told]
    expect_that(all(a < b for a, b in zip(counts, counts[1:])), "a counter that rises", counts)
    generating = [one for one in words if one.startswith("generating ")]
    expect_that(len(generating) >= 3, "at least three messages while tokens arrive", words)
    expect("the last message", "writing 2 files", words[-1])
    late = [m for m in answers[until:] if m.get("method") == "notifications/progress"]
    expect("messages after the result", [], late)
    expect_nowhere(home, generating[-1])
    return f"{len(told)} messages under token {token}, the last of tokens: {generating[-1]}"


SHOWN = re.compile(r"generating [1-9][\d,]* of at most [\d,]+ tokens")


@case(tools=("tmux",))
def tui_turbo_progress_is_on_the_screen_while_the_service_writes(t):
    wanted = order()
    home, _ = session(t, [wanted], answers=[{**SLOW, "pause": 0.15}])
    home.settings(permissions={"allow": [f"mcp__{NAME}"]})
    register(home)
    shown = []
    with Screen(home) as screen:
        screen.say(WORK)
        screen.wait("progress on the screen", lambda: shown.extend(SHOWN.findall(screen.text())) or shown)
        screen.wait("the last answer", lambda: any(s.step == 1 for s in home.api.main()))
        code = screen.exit()
    expect("exit code after /exit", 0, code)
    expect("files in the project", LONG, there(home))
    expect_nowhere(home, CANARY)
    return f"the screen said: {shown[0]}"


@case()
def turbo_a_prompt_that_asks_for_it_is_told_how_or_what_is_missing(t):
    asking = "use speed-run to build the csv importer"
    other = "Turborepo builds the packages in the wrong order, please explain"
    said = {}
    for key in (KEY, None):
        home, _ = session(t, [], key=key)
        home.api.script.prompts.update({asking: ["fine"], other: ["fine"]})
        talk(home, other)
        expect_that(not any("turbo" in text.lower() for text in hints(home)), "no word on turbo", hints(home))
        talk(home, asking)
        said[key] = next(iter(text for text in hints(home) if "turbo" in text), "")
        expect_on_wire(home, said[key])
    expect_that(f"{TOOL}generate_and_write_files" in said[KEY], "the tool's name in the hint", said[KEY])
    expect_that("DATA CONTRACT" in said[KEY], "the headings in the hint", said[KEY])
    expect_that(VARIABLE in said[None] and "settings.json" in said[None], "how to set the key", said[None])
    expect_that("Turbo stops here" in said[None], "the rule to stop", said[None])
    return f"with a key {len(said[KEY].encode())} bytes, without {len(said[None].encode())}; Turborepo: nothing"


@case()
def turbo_one_matcher_serves_agents_and_both_names_of_the_tool(t):
    plugin = "mcp__plugin_sidecar_speed-run__"
    vague = [
        order(VAGUE),
        call(f"{TOOL}generate", prompt=VAGUE),
        call(f"{plugin}generate_and_write_files", prompt=VAGUE, output_dir="tools/logsum"),
    ]
    status = call(f"{plugin}check_status")
    home, service = session(t, [*vague, status, spawn(LOOKUP)], agents={GREETING: ["hello.txt:1"]})
    register(home)
    home.write("sidecar/.claude-plugin/plugin.json", json.dumps({"name": "sidecar", "version": "1.0.0"}))
    # Another command line: the client would drop a plugin's server that is the user's own once more.
    server = {"command": "/usr/bin/env", "args": [str(home.bin / "sef"), "mcp"]}
    home.write("sidecar/.mcp.json", json.dumps({"mcpServers": {NAME: server}}))
    talk(home, WORK, *FREE, "mcp__plugin_sidecar_speed-run", "--plugin-dir", home.home / "sidecar")
    for block in vague:
        failed, text = result(home, block)
        expect_that(failed and "Missing: DATA CONTRACT" in text, f"a denied {block['name']}", text[:200])
    expect("status of the plugin's server", "ready", good(home, status)["status"])
    expect("models on the wire", ["haiku"], home.api.families(GREETING))
    # The engine would refuse them as well; only the hook notes it.
    expect("refusals in the report", len(vague), home.report()["turbo"]["vague"])
    expect("orders at the service", [], service.orders())
    return "both tools of the user's server and the plugin's denied, the look-up on haiku"


@case()
def turbo_the_report_names_orders_tokens_cost_and_the_sessions_own_model(t):
    vague, wanted = order(VAGUE), order(test_command="python3 -m unittest -q")
    home, _ = session(t, [vague, wanted])
    register(home)
    talk(home, WORK, *FREE)
    value, turbo = good(home, wanted), home.report()["turbo"]
    names = ("orders", "complete", "vague", "files", "tested", "first_pass", "passed")
    expect(", ".join(names), (1, 1, 1, 2, 1, 1, 1), tuple(turbo[name] for name in names))
    model = turbo["by_model"][value["model"]]
    expect("tokens", (1_200, 3_400, 400), (model["prompt"], model["completion"], model["reasoning"]))
    # gpt-oss-120b: $0.35 and $0.75 for a million.
    paid = (1_200 * 0.35 + 3_400 * 0.75) / 1e6
    expect("cost", (round(paid, 6),) * 2, (round(turbo["usd"], 6), round(value["cost_usd"], 6)))
    own = {one["model"]: one["there_usd"] for one in turbo["compare"]}
    expect_that(own.get("session", 0) > paid, "the same tokens on the session's own model", turbo["compare"])
    for one in value["compare"]:
        expect(f"the same tokens on {one['model']}", round(one["usd"], 6), round(own[one["model"]], 6))
    text = home.command(home.bin / "sef-stats", "report").out
    for words in ("Turbo: code by a hosted model", value["model"], "1.2k in, 3.4k out", "their sessions' own model"):
        expect_that(words in text, f"{words!r} in the report", text[-900:])
    return f"1 order, 1 refused, 4,600 tokens: ${turbo['usd']:.5f}, on the session's model ${own['session']:.5f}"
