"""Times whole hook processes against /bin/true, interleaved in one run. Called by scripts/bench-hook.sh.

Prints a table of medians and of the ratio to /bin/true, pair by pair; never judges a single run by absolute time.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PROMPT = (
    "Find every place in the project that reads the retry settings, list the file and line of each one, and tell me "
    "which of them still use the old name so that I can plan the rename for tomorrow."
)
SESSION = "3f1c9a52-5d7e-4c0b-9a55-0f6f1f7a2b11"


def event(work, name, session=SESSION, **fields):
    base = {
        "session_id": session,
        "transcript_path": os.path.join(work, "claude/projects/-bench", session + ".jsonl"),
        "cwd": work,
        "prompt_id": "7a8b1f1e-6c55-4f7d-8a52-d9a3a6b1c001",
        "permission_mode": "default",
        "hook_event_name": name,
    }
    base.update(fields)
    return json.dumps(base)


def spawn_event(work):
    return event(
        work,
        "PreToolUse",
        tool_name="Agent",
        tool_input={
            "description": "Find retry settings",
            "prompt": PROMPT + " Report file:line for each, nothing else.",
            "subagent_type": "general-purpose",
        },
        tool_use_id="toolu_0123456789abcdefghijklmn",
    )


def transcript(work):
    """About 200 KB of lines in the shape of a session's transcript."""
    folder = os.path.join(work, "claude/projects/-bench")
    os.makedirs(folder, exist_ok=True)
    filler = json.dumps({"type": "attachment", "attachment": {"type": "prompt_snapshot"}, "rendered": "x" * 9000})
    spoke = json.dumps(
        {
            "type": "assistant",
            "isSidechain": False,
            "timestamp": "2026-11-20T20:37:10.675Z",
            "message": {"id": "msg_1", "model": "claude-opus-5-5", "content": [{"type": "text", "text": "Done."}]},
        }
    )
    with open(os.path.join(folder, SESSION + ".jsonl"), "w", encoding="utf-8") as out:
        for _ in range(20):
            out.write(filler + "\n" + spoke + "\n")


def user_rules(path):
    rules = []
    for number in range(500):
        rules.append(
            '[[rule]]\nid = "mine-%d"\ntier = %d\nrole = "%s"\nphrases = ["gadget%d report", "refresh widget%d"]\n'
            'examples = ["please refresh widget%d"]\n' % (number, 1 + number % 2, ["explore", "implement"][number % 2], number, number, number)
        )
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(rules))


def project_rules(work, state):
    """A project with rules of its own that are allowed, as `sef allow` keeps them; answers its folder."""
    root = os.path.realpath(os.path.join(work, "project"))
    os.makedirs(os.path.join(root, ".claude"))
    text = "".join(
        '[[rule]]\nid = "ours-%d"\ntier = 2\nrole = "implement"\nphrases = ["gizmo%d report"]\nexamples = ["the gizmo%d report"]\n'
        % (number, number, number)
        for number in range(20)
    )
    with open(os.path.join(root, ".claude/sef.toml"), "w", encoding="utf-8") as out:
        out.write(text)
    number = 0xCBF29CE484222325
    for byte in root.encode():
        number = ((number ^ byte) * 0x100000001B3) % 2**64
    os.makedirs(os.path.join(state, "trust"), mode=0o700)
    record = os.path.join(state, "trust/%016x.json" % number)
    with open(os.open(record, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
        json.dump({"version": 1, "path": root, "verdict": "allow", "at": "", "text": text}, out)
    return root


class Case:
    def __init__(self, name, command, payload, env):
        self.name, self.command, self.env = name, command, env
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False, encoding="utf-8")
        self.file.write(payload)
        self.file.close()
        self.times, self.ratios = [], []

    def once(self):
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, self.file.name, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
        ]
        start = time.perf_counter_ns()
        pid = os.posix_spawn(self.command[0], self.command, self.env, file_actions=actions)
        _, status, _ = os.wait4(pid, 0)
        if status != 0:
            sys.exit("%s ended with status %d" % (self.name, status))
        return time.perf_counter_ns() - start


def instructions(case):
    """Instructions of one run by callgrind: the same number every time for the same binary and input."""
    if not shutil.which("valgrind"):
        return None
    with open(case.file.name, "rb") as stdin:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"] + case.command,
            stdin=stdin, capture_output=True, env=case.env, check=False,
        )
    for line in done.stderr.decode().splitlines():
        if "Collected" in line:
            return int(line.split(":")[1].strip().split()[0])
    return None


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("hook")
    ap.add_argument("-n", type=int, default=400, help="rounds")
    ap.add_argument("--json", action="store_true")
    args = ap.parse_args()
    hook = os.path.abspath(args.hook)
    work = tempfile.mkdtemp(prefix="sef-bench-")
    try:
        transcript(work)

        def env(name):
            return {
                "HOME": work,
                "PATH": "/usr/bin:/bin",
                "SEF_STATE_DIR": os.path.join(work, "state-" + name),
                "SEF_CONFIG_DIR": os.path.join(work, "config-" + name),
                "CLAUDE_CONFIG_DIR": os.path.join(work, "claude"),
            }

        agents = os.path.join(work, "claude/agents")
        os.makedirs(agents, exist_ok=True)
        for name in ("explore", "validate", "document", "implement", "review"):
            with open(os.path.join(agents, "sef-%s.md" % name), "w", encoding="utf-8") as out:
                out.write("---\nname: sef-%s\nmodel: haiku\n---\nbody\n" % name)
        user_rules(os.path.join(work, "config-rules/rules.toml"))
        prompt = event(work, "UserPromptSubmit", prompt=PROMPT)
        big = event(work, "UserPromptSubmit", prompt=(PROMPT + "\n") * (1_000_000 // len(PROMPT)))
        root = project_rules(work, os.path.join(work, "state-project"))
        in_project = event(work, "UserPromptSubmit", prompt=PROMPT, cwd=root)
        true = Case("/bin/true", ["/bin/true"], prompt, env("true"))
        cases = [
            Case("UserPromptSubmit, default rules", [hook], prompt, env("plain")),
            Case("PreToolUse Agent, default rules", [hook], spawn_event(work), env("spawn")),
            Case("UserPromptSubmit, 500 user rules", [hook], prompt, env("rules")),
            Case("PreToolUse Agent, 500 user rules", [hook], spawn_event(work), env("rules")),
            Case("UserPromptSubmit, project rules, new", [hook], in_project, env("unknown")),
            Case("UserPromptSubmit, project rules", [hook], in_project, env("project")),
            Case("UserPromptSubmit, 1 MB prompt", [hook], big, env("big")),
        ]
        for case in [true] + cases:
            for _ in range(3):
                case.once()
        for _ in range(args.n):
            for case in cases:
                floor = true.once()
                took = case.once()
                true.times.append(floor)
                case.times.append(took)
                case.ratios.append(took / floor)
        rows = []
        for case in [true] + cases:
            rows.append(
                {
                    "case": case.name,
                    "median_us": round(statistics.median(case.times) / 1000),
                    "p95_us": round(sorted(case.times)[len(case.times) * 95 // 100] / 1000),
                    "ratio": round(statistics.median(case.ratios), 3) if case.ratios else 1.0,
                    "instructions": instructions(case) if case is not true else None,
                }
            )
        if args.json:
            print(json.dumps(rows, indent=1))
            return
        print("%-36s %10s %10s %8s %14s" % ("whole process, n=%d" % args.n, "median us", "p95 us", "x true", "instructions"))
        for row in rows:
            count = format(row["instructions"], ",") if row["instructions"] else "-"
            print("%-36s %10d %10d %8.3f %14s" % (row["case"], row["median_us"], row["p95_us"], row["ratio"], count))
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
