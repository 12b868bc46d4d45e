"""Cases: the mod for the conversation's own turns is put in by the client, asked from the next session on, and goes again.

What the program answers is not tried here: a script stands in for `sef main-turn`, which notes what it was given.
"""

import json

from client import PROGRAMS
from installing import ODD_SETTINGS
from trial import NEUTRAL, NEWEST, OLDEST, case, expect, expect_that, talk
from tui import introduce

PROGRAM = """#!/bin/sh
if [ "$1" = main-turn ]; then cat >> '{log}'; echo >> '{log}'; echo haiku; exit; fi
exec '{real}' "$@"
"""


def put_programs(t, home, folder):
    """The programs in a folder, where `sef main-turn` answers haiku; gives the file in which it notes what it was asked."""
    folder.mkdir(parents=True)
    for name in PROGRAMS:
        (folder / name).hardlink_to(t.binaries / name)
    (folder / "sef").rename(folder / "sef-itself")
    log = folder / "asked.jsonl"
    (folder / "sef").write_text(PROGRAM.format(log=log, real=folder / "sef-itself"))
    (folder / "sef").chmod(0o755)
    return log


def sef(home, *words, code=0, folder=None):
    """`sef ...` with the case's client on PATH."""
    folder = folder or home.bin
    search = {"PATH": f"{home.client.parent}:{home.environment()['PATH']}", "SEF_BIN_DIR": str(folder)}
    run = home.command(folder / "sef", *words, **search)
    expect(f"exit code of sef {' '.join(words)} ({run.err.strip()[:300]})", code, run.code)
    return run


def asked(log):
    """What `sef main-turn` was given, in order."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@case(clients=(NEWEST,))
def mod_is_put_in_asked_kept_up_to_date_and_taken_out(t):
    home = t.start({NEUTRAL: ["done"]}, install=False)
    settings = home.claude / "settings.json"
    settings.write_bytes(ODD_SETTINGS)
    first = put_programs(t, home, home.bin)
    sef(home, "install", "--user", "--no-turbo", "--main-turn")
    mods = home.state / "mods"
    for folder in (mods, mods / "sef-main"):
        run = home.command(home.client, "plugin", "validate", folder)
        expect(f"exit code of claude plugin validate ({run.out[-500:]})", 0, run.code)
    talk(home, NEUTRAL)
    expect("models on the wire", ["haiku"], [s.family for s in home.api.main()])
    expect("what was asked", ["start", "done"], [one["at"] for one in asked(first)])
    expect("the prompt in it", NEUTRAL, asked(first)[0]["text"])

    # As an update of SEF in another folder: the client takes the rewritten files at the next start, unasked.
    other = home.home / "newer/bin"
    second = put_programs(t, home, other)
    run = sef(home, "install", "--user", "--no-turbo", folder=other)
    expect_that("1 of 5 files of the mod written" in run.out, "one file written anew", run.out)
    talk(home, NEUTRAL)
    expect("how often each was asked", (2, 2), (len(asked(first)), len(asked(second))))

    sef(home, "uninstall", "--user", folder=other)
    expect("settings.json afterwards", ODD_SETTINGS, settings.read_bytes())
    expect("the mod's folder afterwards", False, mods.exists())
    home.api.seen.clear()
    talk(home, NEUTRAL)
    expect("models on the wire afterwards", ["opus"], [s.family for s in home.api.main()])
    expect("how often it was asked", 2, len(asked(second)))
    return "put in: asked at start and end of the turn, which ran on haiku; a rewritten file counts at the next start; taken out: every byte back, opus"


@case(clients=(NEWEST,))
def mod_of_a_project_goes_beside_the_users_and_without_a_trace(t):
    home = t.start({NEUTRAL: ["done"]}, install=False)
    log = put_programs(t, home, home.bin)
    for project in ("one", "two"):
        (home.home / project).mkdir()

    def at(project, *words):
        home.project = home.home / project
        sef(home, *words, "--project")

    def models(project):
        home.project = home.home / project
        home.api.seen.clear()
        talk(home, NEUTRAL)
        return [s.family for s in home.api.main()]

    for project in ("one", "two"):
        at(project, "install", "--no-turbo", "--main-turn")
    expect("models where it is put in", [["haiku"], ["haiku"]], [models("one"), models("two")])
    expect("models elsewhere", ["opus"], models("project"))
    # The client forgets the marketplace of both here, and takes it from the settings again in a folder that is trusted.
    at("one", "uninstall", "--main-turn")
    home.project = home.home / "two"
    introduce(home)
    expect("models after one lost it", [["opus"], ["haiku"]], [models("one"), models("two")])
    at("two", "uninstall")
    expect("models afterwards", ["opus"], models("two"))
    left = [p.name for p in (home.home / "two").rglob("*")]
    expect("what is left", ([], False), (left, (home.state / "mods").exists()))
    return f"two projects, taken out of one: the other keeps it; {len(asked(log))} questions; nothing left"


@case(clients=(OLDEST,))
def mod_is_refused_to_a_client_that_would_ignore_it(t):
    home = t.start({NEUTRAL: ["done"]})
    before = (home.claude / "settings.json").read_bytes()
    search = {"PATH": f"{home.client.parent}:{home.environment()['PATH']}"}
    run = home.command(home.bin / "sef", "install", "--user", "--no-turbo", "--main-turn", **search)
    expect("exit code", 1, run.code)
    expect_that(
        "mods need Claude Code 2.1.287, and this is 2.1.197" in run.err and "claude update" in run.err,
        "why, and what mends it",
        run.err,
    )
    expect("settings.json", before, (home.claude / "settings.json").read_bytes())
    left = [str(p) for p in (home.state / "mods", home.claude / "plugins") if p.exists()]
    expect("the mod's folder and the client's", [], left)
    talk(home, NEUTRAL)
    return run.err.splitlines()[0]
