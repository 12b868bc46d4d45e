"""For check-otlp.py and check-fleet-queries.py: packages in a temporary venv, and logs that the real hook wrote.

Touches nothing outside a temporary folder; the hook and sef-stats get that folder as HOME.
"""
import json
import os
import subprocess
import sys
import tempfile
import venv

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TASKS = ["Find where the config is loaded", "Implement a retry in src/http.rs with tests", "thanks",
         "Redesign the auth system for many tenants", "Run the tests and list the failures"]


def in_venv(packages):
    """Goes on in a temporary venv that holds the packages; ends the run, with its reason, when there is none."""
    inside = os.environ.get("SEF_CHECK_VENV")
    if inside:
        return
    with tempfile.TemporaryDirectory(prefix="sef-check-") as folder:
        try:
            venv.create(folder, with_pip=True)
            python = os.path.join(folder, "bin", "python")
            subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages],
                           check=True, capture_output=True, text=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as why:
            said = (getattr(why, "stderr", "") or str(why)).strip().splitlines() or ["no reason given"]
            print(f"skipped: cannot install {' '.join(packages)} here: {said[-1]}")
            sys.exit(0)
        sys.exit(subprocess.run([python, "-B", *sys.argv], env={**os.environ, "SEF_CHECK_VENV": folder}).returncode)


def environment(home):
    """What the binaries get: folders below `home`, and nothing of the machine's."""
    return {"HOME": home, "PATH": os.environ["PATH"], "SEF_STATE_DIR": os.path.join(home, "state")}


def payload(name, **changes):
    with open(os.path.join(ROOT, "tests", "payloads", name + ".json"), encoding="utf-8") as file:
        return {**json.load(file), **changes}


def write_log(bin_dir, home, sessions):
    """Lets the real hook log some sessions, each with a prompt of every kind and two spawns with their results."""
    def fire(event):
        subprocess.run([os.path.join(bin_dir, "sef-hook")], input=json.dumps(event), env=environment(home), text=True,
                       check=True, stdout=subprocess.DEVNULL, cwd=home)

    for number in range(sessions):
        own = {"session_id": f"{os.path.basename(home)}-{number}", "cwd": home}
        fire(payload("SessionStart.startup", **own))
        for task in TASKS:
            fire(payload("UserPromptSubmit", **own, prompt=task))
        for call, (agent, task) in enumerate([("general-purpose", TASKS[0]), ("sef-implement", TASKS[1])]):
            asked = {"subagent_type": agent, "description": task, "prompt": task}
            named = {**own, "tool_use_id": f"toolu_{number}_{call}", "tool_input": asked}
            fire(payload("PreToolUse.Agent", **named))
            fire(payload("PostToolUse.Agent", **named))


def records(home):
    """The records of a log, all files."""
    state = os.path.join(home, "state")
    for name in sorted(os.listdir(state)):
        if name.startswith("log") and name.endswith(".jsonl"):
            with open(os.path.join(state, name), encoding="utf-8") as file:
                yield from map(json.loads, file)
