"""Cases: what installing puts into a home works, and taking it out leaves the home as it was."""

import json
from pathlib import Path

from api import spawn
from trial import GREETING, LOOKUP, MIDDLE, NEUTRAL, NEWEST, case, expect, expect_that, talk

SCRIPT = Path(__file__).parents[2] / "scripts/install.sh"
ODD_SETTINGS = (
    b'{\r\n\t"model" : "opus",   "big": 12345678901234567890.10,\r\n'
    b'  "hooks": { "Stop": [ {"hooks":[{"type":"command","command":"true"}]} ] },\r\n\r\n'
    b'  "permissions": {"allow":["Bash(ls:*)"]}  }'
)


@case(clients=(NEWEST,), but=(MIDDLE,))  # The middle one rewrites settings.json itself: "opus" becomes "opus[1m]".
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


@case(clients=(NEWEST,))
def the_install_script_gives_a_home_that_routes(t):
    if t.scripted_home is None:
        return None
    home = t.adopt({NEUTRAL: [spawn(LOOKUP), "done"]}, {GREETING: ["hello.txt:1"]})
    hooks = json.loads((home.claude / "settings.json").read_text())["hooks"]
    talk(home, NEUTRAL)
    expect("models on the wire", ["haiku"], home.api.families(GREETING))
    return f"scripts/install.sh --user: {len(hooks)} events registered, look-up on haiku"


@case(clients=(NEWEST,))
def the_install_script_takes_everything_out_again(t):
    if not SCRIPT.exists():
        return None
    home = t.start(
        {NEUTRAL: [spawn(LOOKUP), "done"]},
        {GREETING: ["hello.txt:1"]},
        before=lambda home: (home.claude / "settings.json").write_bytes(ODD_SETTINGS),
    )
    run = home.command("sh", SCRIPT, "--uninstall", "--user")
    expect(f"exit code of install.sh --uninstall ({run.err.strip()[:200]})", 0, run.code)
    expect("settings.json afterwards", ODD_SETTINGS, (home.claude / "settings.json").read_bytes())
    expect("binaries afterwards", [], [p.name for p in home.bin.iterdir()])
    expect("executors afterwards", [], [p.name for p in (home.claude / "agents").glob("sef-*")])
    talk(home, NEUTRAL)
    expect("models on the wire", ["opus"], home.api.families(GREETING))
    return "settings.json as it was, binaries and executors gone, look-up on opus"


@case()
def the_client_registers_the_server_and_takes_it_out_again(t):
    home = t.start({NEUTRAL: ["done"]})
    search = {"PATH": f"{home.client.parent}:{home.environment()['PATH']}"}

    def sef(*words):
        run = home.command(home.bin / "sef", *words, **search)
        expect(f"exit code of sef {' '.join(words)} ({run.err.strip()[:200]})", 0, run.code)
        return next((line for line in run.out.splitlines() if line.startswith("turbo: ")), None)

    def entries():
        state = json.loads((home.claude / ".claude.json").read_text())
        project = state.get("projects", {}).get(str(home.project.resolve()), {})
        return [holder.get("mcpServers", {}).get("speed-run") for holder in (state, project)]

    ours = {"type": "stdio", "command": str(home.bin / "sef"), "args": ["mcp"], "env": {}}
    for scope, level, wanted in (("--user", "user", [ours, None]), ("--project", "local", [None, ours])):
        expect("installed", f"turbo: registered with Claude Code as speed-run ({level})", sef("install", scope))
        expect("entries of the user and the project", wanted, entries())
        expect("status", f"turbo: registered as speed-run ({level})", sef("status", scope))
        listed = home.command(home.client, "mcp", "list")
        line = next((line for line in listed.out.splitlines() if line.startswith("speed-run:")), "")
        expect_that("Connected" in line, "speed-run connected in claude mcp list", listed.out + listed.err)
        before = (home.claude / ".claude.json").read_bytes()
        expect("installed again", f"turbo: already registered as speed-run ({level})", sef("install", scope))
        expect("the client's file after that", before, (home.claude / ".claude.json").read_bytes())
        expect("uninstalled", f"turbo: speed-run taken out of Claude Code ({level})", sef("uninstall", scope))
        expect("entries afterwards", [None, None], entries())
    return "claude mcp add for the user and for one project, connected, a second install changed nothing, removed"
