"""Cases: the documents that a newcomer follows, command by command, in the real client.

Every block of a document that is marked `console` is typed as it stands: a line that begins with `$` is a command, the
lines under it are what it prints. Each second-level section is a path of its own that begins with nothing. Figures and paths
are masked; a line that is `...` stands for any lines, and one that ends in ` ...` for any line that begins so.
"""

import os
import re
import shutil
import subprocess

from api import spawn
from client import PROGRAMS
from plugins import PARTS, ROOT
from trial import GREETING, LOOKUP, NEWEST, case, expect, expect_that

# Stands in for the minutes of a build: links what was built before to where cargo would have put it.
CARGO = """#!/bin/sh
[ "$1" != --version ] || { echo "cargo 1.95.0 (f2d3ce0bd 2026-03-21)"; exit 0; }
while [ $# -gt 0 ]; do
    case $1 in --target) triple=/$2 ;; --target-dir) folder=$2 ;; esac
    shift
done
echo "   Compiling sef v0.1.0 ($PWD)" >&2
mkdir -p "$folder$triple/release"
for name in sef sef-hook sef-stats; do ln -f "BUILT/$name" "$folder$triple/release/$name"; done
echo "    Finished `release` profile [optimized] target(s) in 4m 51s" >&2
""".replace("`release`", "\\`release\\`")
RUSTC = "#!/bin/sh\necho 'host: x86_64-unknown-linux-gnu'\n"
SHELL_SECONDS = 90


def sections(document):
    """(title, [(command, lines that it prints)]) of every second-level section that types something."""
    for part in re.split(r"^## ", (ROOT / document).read_text(), flags=re.MULTILINE)[1:]:
        steps = []
        for block in re.findall(r"^```console\n(.*?)^```", part, flags=re.MULTILINE | re.DOTALL):
            for text in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, *printed = text.rstrip("\n").split("\n")
                steps.append((command, printed))
        if steps:
            yield part.split("\n")[0], steps


def masked(line, home):
    """The line without what differs from run to run: where it ran, figures, bars, the width of columns."""
    line = line.replace(str(home.home), "~").replace(str(home.home.resolve()), "~")
    line = re.sub(r"\x1b\[[0-9;]*m", "", line)
    line = re.sub(r"\d+(?:[.,:]\d+)*", "N", line)
    line = re.sub(r"\[?[#.]*#[#.\]\[]*", "", line)
    return re.sub(r"\s+", " ", line).strip()


def matches(wanted, seen):
    """Whether the lines are the documented ones."""
    if not wanted:
        return not seen
    head, *rest = wanted
    if head == "...":
        return any(matches(rest, seen[at:]) for at in range(len(seen) + 1))
    if not seen:
        return False
    same = seen[0].startswith(head[:-4]) if head.endswith(" ...") else seen[0] == head
    return same and matches(rest, seen[1:])


def newcomer(t):
    """A home with Claude Code, a checkout in ~/sef, a project to work in, and nothing of SEF's."""
    found = "One file does: src/net.py, line 1."
    script = {"Find every file": [lambda seen: spawn(LOOKUP, agent=executor(seen)), found]}
    home = t.start(script, {GREETING: ["src/net.py:1"]}, install=False)
    checkout = home.home / "sef"
    for part in PARTS:
        (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, make(checkout) / part)
    tools = make(home.root / "tools")
    built = make(home.root / "built")
    for name in PROGRAMS:
        os.link(t.binaries / name, built / name)
    for name, text in (("cargo", CARGO.replace("BUILT", str(built))), ("rustc", RUSTC)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    home.env["PATH"] = f"{home.bin}:{tools}:{home.client.parent}:/usr/local/bin:/usr/bin:/bin"
    # As for somebody who sets none of these: then the client's own state file is in HOME.
    home.env["CLAUDE_CONFIG_DIR"] = str(home.claude)
    return home


def executor(seen):
    """The executor that the session's own text names."""
    return "sef:sef-explore" if "sef:sef-explore" in seen.text() else "sef-explore"


def make(folder):
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def typed(home, command):
    """What a command prints in the user's shell, both streams in one; its exit code last when it is not 0."""
    run = home.command("bash", "-c", f"exec 2>&1; {command}", seconds=SHELL_SECONDS)
    lines = run.out.rstrip("\n").split("\n") if run.out.strip() else []
    return lines + ([f"exit {run.code}"] if run.code else [])


def follow(t, document):
    """Types every command of a document; gives how many paths and commands there were."""
    paths, commands = 0, 0
    for title, steps in sections(document):
        home = newcomer(t)
        paths += 1
        for command, printed in steps:
            lines = typed(home, command)
            if os.environ.get("SEF_E2E_SHOW"):
                print(f"$ {command}\n" + "\n".join(lines).replace(str(home.home), "~"), flush=True)
                continue
            seen = [line for line in (masked(line, home) for line in lines) if line]
            wanted = [line if line == "..." else masked(line, home) for line in printed]
            expect_that(matches([line for line in wanted if line], seen), f"{document}, {title}: $ {command}: {wanted}", seen)
            commands += 1
    expect_that(os.environ.get("SEF_E2E_SHOW") or commands, f"commands in {document}", commands)
    return f"{document}: {paths} paths, {commands} commands, each with the documented output"


@case(clients=(NEWEST,))
def newcomer_the_first_report_by_script_and_by_plugin(t):
    return follow(t, "docs/first-report.md")


@case(clients=(NEWEST,))
def newcomer_the_plugins_page(t):
    return follow(t, "docs/plugin.md")
