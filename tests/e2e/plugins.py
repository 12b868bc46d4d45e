"""Cases: SEF as a plugin, from nothing to a report and away again, and beside an install of the usual kind.

The plugin is a copy of the checkout's files: a client copies the whole folder of a plugin, and a checkout in which
somebody builds holds gigabytes. What `sef-setup` would build is put where it takes an installed SEF from.
"""

import json
import os
import shutil
from pathlib import Path

from api import call, spawn
from client import PROGRAMS
from trial import GREETING, LOOKUP, NEUTRAL, NEWEST, SEARCH, case, expect, expect_on_wire, expect_that, hints, talk

ROOT = Path(__file__).parents[2]
PARTS = (".claude-plugin", ".mcp.json", "agents", "bin", "commands", "hooks", "skills", "scripts", "Cargo.toml", "README.md")
SETUP = "The user typed `/sef:setup"
EXECUTOR = "sef:sef-explore"


def plugin_folder(home, name="the plugin"):
    """A copy of the plugin, in a folder with a space in its name."""
    folder = home.root / name
    folder.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    return folder


def manage(home, *words):
    """`claude plugin ...`, which must go well. Gives what it printed."""
    run = home.command(home.client, "plugin", *words, seconds=60)
    expect(f"exit code of claude plugin {words[0]} ({run.out[-300:]} {run.err[-300:]})", 0, run.code)
    return run.out


def add(home):
    """The plugin, installed in two commands; gives its folder."""
    folder = plugin_folder(home)
    manage(home, "marketplace", "add", folder)
    manage(home, "install", "sef@sef")
    return folder


def data(home):
    """The folder that the client keeps for the plugin."""
    return home.claude / "plugins/data/sef-sef"


def put_installed(t, home):
    """The built programs where an install has them, and nothing registered."""
    home.bin.mkdir(parents=True, exist_ok=True)
    for name in PROGRAMS:
        os.link(t.binaries / name, home.bin / name)


def set_up(t, home):
    """The plugin's programs, by the command that a user types."""
    put_installed(t, home)
    run = home.command(next(home.root.glob("*/bin/sef-setup")))
    expect(f"exit code of sef-setup ({run.err[-300:]})", 0, run.code)
    # From here on the plugin stands on its own feet.
    shutil.rmtree(home.bin)


def records(home):
    """The log's records of hooks, in order."""
    log = home.state / "log.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@case(product=False)
def plugin_the_client_finds_it_valid(t):
    home = t.start({}, install=False)
    folder = plugin_folder(home)
    run = home.command(home.client, "plugin", "validate", folder)
    expect(f"exit code of claude plugin validate ({run.out[-600:]} {run.err[-300:]})", 0, run.code)
    expect_that("Validation passed\n" in run.out, "a pass without warnings", run.out[-600:])
    (folder / ".claude-plugin/plugin.json").write_text('{"name": 7}')
    (folder / ".claude-plugin/marketplace.json").write_text('{"name": 7}')
    expect("exit code for a broken one", 1, home.command(home.client, "plugin", "validate", folder).code)
    return "claude plugin validate: passed, no warning; a broken manifest: exit 1"


@case(product=False)
def plugin_without_programs_leaves_a_session_alone(t):
    home = t.start({NEUTRAL: [spawn(LOOKUP), call("Bash", command="sef status"), "done"]}, {GREETING: ["hello.txt:1"]}, install=False)
    add(home)
    talk(home, NEUTRAL, "--allowedTools", "Bash(sef:*)")
    expect("models on the wire", ["opus"], home.api.families(GREETING))
    given = [home.contexts(event) for event in ("SessionStart", "UserPromptSubmit", "PostToolUse")]
    expect("contexts", [[], [], []], given)
    expect("files of SEF's", [], [str(p) for p in (home.state, data(home) / "bin") if p.exists()])
    said = home.api.main()[-1].text()
    expect_that("not built yet" in said and "/sef:setup" in said, "how to build, from the wrapper on PATH", said[-300:])
    debug = (home.root / "debug.log").read_text(errors="replace")
    expect_that("not built yet: type /sef:setup" in debug, "the server's one line in the debug log", "none")
    return "every hook: no output, no record, stderr empty; `sef` in the Bash tool and the MCP server say /sef:setup"


@case()
def plugin_from_nothing_to_a_report(t):
    home = t.start(
        {SETUP: [lambda _: call("Bash", command=f'sef-setup --data "{data(home)}"'), "set up"],
         SEARCH: [spawn(LOOKUP, agent=EXECUTOR), spawn(LOOKUP.replace("greeting", "motto")), "done"]},
        {GREETING: ["hello.txt:1"], "motto is defined": ["hello.txt:1"]},
        install=False,
    )  # fmt: skip
    add(home)
    put_installed(t, home)
    talk(home, "/sef:setup")
    text = home.api.main()[0].text()
    expect_that(f'--data "{data(home)}"' in text, "the data folder in the command's text", text[-900:])
    expect("programs", sorted(PROGRAMS), sorted(p.name for p in (data(home) / "bin").iterdir()))
    shutil.rmtree(home.bin)
    session = talk(home, SEARCH)
    expect("model of the executor", ["haiku"], home.api.families(GREETING))
    expect("model of a general-purpose agent", ["haiku"], home.api.families("motto is defined"))
    start = home.contexts("SessionStart")
    expect_that(len(start) == 2 and all(EXECUTOR in text for text in start), "the executors' names at both starts", start)
    hint = hints(home)
    expect_that(len(hint) == 1 and EXECUTOR in hint[0], f"one hint that names {EXECUTOR}", hint)
    expect_on_wire(home, hint[0])
    run = home.command(data(home) / "bin/sef-stats", "report", "--json")
    sums = json.loads(run.out)["delegations"]
    rows = {one["executor"]: (one["ran"], one["mismatch"]) for one in sums["list"]}
    expect("mismatches and calls", (0, 2), (sums["mismatches"], sums["total"]))
    expect("executors of the report", {"sef-explore", "general-purpose"}, set(rows))
    run = home.command(data(home) / "bin/sef-stats", "audit", "--json")
    audited = {one["executor"]: one["outcome"] for one in json.loads(run.out)["list"]}
    expect("executors and outcomes of the audit", {"sef-explore": "accepted", "general-purpose": "accepted"}, audited)
    run = home.command(data(home) / "bin/sef-stats", "simulate")
    expect_that("unknown-agent" not in run.out and "2 subagents" in run.out, "both subagents known to simulate", run.out)
    sessions = {record["s"] for record in records(home)}
    expect_that(session["session_id"] in sessions, "the session in the log", sessions)
    return f"/sef:setup, then {EXECUTOR} on haiku, a spawn changed to haiku, 1 hint, report without mismatch"


@case()
def plugin_and_install_side_by_side_answer_once(t):
    home = t.start({SEARCH: [spawn(LOOKUP), "done"]}, {GREETING: ["hello.txt:1"]}, install=False)
    add(home)
    set_up(t, home)
    talk(home, SEARCH)
    alone = sorted(record["e"] for record in records(home))
    shutil.rmtree(home.state)
    home.install(t.binaries)
    hint = len(hints(home))
    talk(home, SEARCH)
    both = records(home)
    expect("kinds of records with both", alone, sorted(record["e"] for record in both))
    expect("contexts at the second start", 1, len(home.contexts("SessionStart")) - 1)
    names = hints(home)[hint:]
    expect_that(len(names) == 1 and EXECUTOR not in names[0] and "sef-explore" in names[0], "the install's one hint", names)
    expect("models on the wire", ["haiku"], home.api.families(GREETING))
    run = home.command(home.bin / "sef", "status", "--user")
    expect_that("its hooks step aside for the registered ones" in run.out, "what status says of the plugin", run.out)
    (home.bin / "sef-hook").unlink()
    shutil.rmtree(home.state)
    talk(home, SEARCH)
    expect("kinds of records once the install's program is gone", alone, sorted(record["e"] for record in records(home)))
    return f"{len(alone)} records by the plugin, {len(both)} with an install beside it, {len(alone)} with its program gone"


@case()
def plugin_and_install_offer_the_tools_once(t):
    vague = call("mcp__plugin_sef_speed-run__generate", prompt="make a web shop")
    home = t.start({NEUTRAL: ["done"], "build it": [vague, "done"]}, install=False)
    add(home)
    set_up(t, home)
    talk(home, "build it", "--allowedTools", vague["name"])
    expect_that("DATA CONTRACT" in home.api.main()[-1].text(), "the refusal of a vague prompt", home.api.main()[-1].text()[-300:])
    expect("records of it", ["vague"], [record["e"] for record in records(home) if record["e"] == "vague"])

    def tools():
        run = home.ask(NEUTRAL, "--output-format", "stream-json", "--verbose")
        began = next(line for line in map(json.loads, run.out.splitlines()) if line.get("subtype") == "init")
        # The client can begin before a server has answered; its tools are in the requests to the API then.
        seen = json.dumps(home.api.main()[-1].body)
        names = {name for name in began["tools"] if "speed-run" in name}
        return names, seen

    names, seen = tools()
    expect_that(any(n.startswith("mcp__plugin_sef_speed-run__") for n in names) or "mcp__plugin_sef_speed-run__" in seen,
                "the plugin's tools", names)  # fmt: skip
    put_installed(t, home)
    search = {"PATH": f"{home.client.parent}:{home.environment()['PATH']}"}
    run = home.command(home.bin / "sef", "install", "--user", **search)
    expect(f"exit code of sef install ({run.err[-300:]})", 0, run.code)
    expect_that("note: the plugin sef@sef is enabled too" in run.out, "a note of the plugin", run.out)
    names, seen = tools()
    expect_that("mcp__speed-run__" in seen or any(n.startswith("mcp__speed-run__") for n in names), "the install's tools", names)
    expect_that("mcp__plugin_sef_speed-run__" not in seen + "".join(names), "none of the plugin's", names)
    return "the plugin's tools alone, a vague prompt for one of them refused; then only the install's"


@case()
def plugin_uninstall_leaves_nothing_that_runs(t):
    home = t.start({NEUTRAL: [spawn(LOOKUP), "done"]}, {GREETING: ["hello.txt:1"]}, install=False)
    settings = home.claude / "settings.json"
    settings.write_text('{"cleanupPeriodDays": 99}\n')
    add(home)
    set_up(t, home)
    talk(home, NEUTRAL)
    expect("models on the wire", ["haiku"], home.api.families(GREETING))
    manage(home, "uninstall", "sef@sef")
    manage(home, "marketplace", "remove", "sef")
    home.api.seen.clear()
    before = len(records(home))
    talk(home, NEUTRAL)
    expect("models on the wire afterwards", ["opus"], home.api.families(GREETING))
    expect("records afterwards", before, len(records(home)))
    expect("the plugin's data", False, data(home).exists())
    left = {key: value for key, value in json.loads(settings.read_text()).items() if value}
    expect("settings afterwards", {"cleanupPeriodDays": 99}, left)
    return "haiku before, opus after; data folder gone, settings hold only what was the user's"


@case(clients=(NEWEST,))
def plugin_dir_for_one_session_routes_with_the_installed_programs(t):
    home = t.start({NEUTRAL: [spawn(LOOKUP, agent=EXECUTOR), spawn(LOOKUP.replace("greeting", "motto")), "done"]},
                   {GREETING: ["hello.txt:1"], "motto is defined": ["x"]}, install=False)  # fmt: skip
    folder = plugin_folder(home)
    put_installed(t, home)
    talk(home, NEUTRAL, "--plugin-dir", folder)
    expect("models", [["haiku"], ["haiku"]], [home.api.families(key) for key in (GREETING, "motto is defined")])
    return "--plugin-dir: executor and general-purpose on haiku"
