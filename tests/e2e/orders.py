"""One session in which the model orders code: what it calls, what it saw of that, and where the code must not be.

Owns: the contract and the scripted answer, results as the next request to the API holds them, looking for a word in all
that a session leaves behind.
Never: knows what any single case claims.
"""

import json
from pathlib import Path

from api import call, plain
from hosted import KEY, NAME, VARIABLE, connect
from trial import expect, expect_that

WORK = "please take care of it"
CONTRACT = (Path(__file__).parents[2] / "docs/contracts/log-summary-cli.md").read_text()
VAGUE = "build a tool that sums up web server logs, make it good"
TOOL = f"mcp__{NAME}__"
TOOLS = sorted(
    "any_percent check_status generate generate_and_write_files judge race_promote race_resume race_status run_tests showdown undo".split()
)
FREE = ("--allowedTools", f"mcp__{NAME}")
# Only the service's answer holds this word.
CANARY = "quokka_ledger_41"
LIBRARY = f'''"""Sums up web server logs."""


def {CANARY}(lines):
    return sum(1 for line in lines if line.strip())
'''
TESTS = f"""import unittest

from logsum import {CANARY}


class Lines(unittest.TestCase):
    def test_none(self):
        self.assertEqual({CANARY}([]), 0)

    def test_blank_lines_do_not_count(self):
        self.assertEqual({CANARY}(["a", " ", "b"]), 2)

    def test_one(self):
        self.assertEqual({CANARY}(["a"]), 1)
"""
CODE = {"logsum.py": LIBRARY, "test_logsum.py": TESTS}
USED = {"prompt_tokens": 1_200, "completion_tokens": 3_400, "completion_tokens_details": {"reasoning_tokens": 400}}
ANSWER = {"do": "answer", "files": CODE, "usage": USED}
# Counts blank lines, which one of the three tests notices.
FAULTY = {**CODE, "logsum.py": LIBRARY.replace("if line.strip()", "if line")}
# Enough text for many messages of progress, slowly enough to be read.
LONG = {**CODE, "logsum.py": LIBRARY + "# one more line of the file\n" * 400}
SLOW = {"do": "answer", "files": LONG, "pause": 0.05}


def order(prompt=CONTRACT, **more):
    """A call that has the contract's files written."""
    return call(f"{TOOL}generate_and_write_files", prompt=prompt, output_dir="tools/logsum", **more)


def session(t, calls, answers=(ANSWER,), key=KEY, agents=None):
    """A home with SEF and its service, where the model makes these calls. Gives home and service."""
    home = t.start({WORK: [*calls, "done"]}, agents)
    service = connect(t, home, answers)
    if key:
        # Where SEF's own words for a missing key say that it goes.
        home.settings(env={VARIABLE: key})
    return home, service


def result(home, block):
    """What the model saw of a call: whether it is an error, and the text."""
    for seen in home.api.main():
        for message in seen.body["messages"]:
            for part in message["content"] if isinstance(message["content"], list) else []:
                if part.get("type") == "tool_result" and part["tool_use_id"] == block["id"]:
                    return bool(part.get("is_error")), plain(part["content"], results=True)
    expect_that(False, f"a result of {block['name']} in a request", [s.key for s in home.api.seen])


def good(home, block):
    """The value of a result that is no error."""
    failed, text = result(home, block)
    expect_that(not failed, f"a result of {block['name']} without an error", text[:300])
    return json.loads(text)


def expect_nowhere(home, word, *more):
    """Fails the case when a word is in a request to the API, in the client's folder (settings apart), or in `more`."""
    asked = [s.number for s in home.api.seen if word in json.dumps(s.body)]
    expect("requests to the API that hold the word", [], asked)
    files = [path for folder in (home.claude, *more) for path in folder.rglob("*") if path.is_file()]
    files = [path for path in files if path.name != "settings.json"]
    expect_that(set(home.transcripts()) & set(files), "a transcript among the files", files)
    expect("files that hold the word", [], [path.name for path in files if word.encode() in path.read_bytes()])
    return len(files)


def loaded_tools(seen):
    """The server's tools whose description the model had in that request."""
    return sorted(tool["name"].removeprefix(TOOL) for tool in seen.body["tools"] if tool["name"].startswith(TOOL))


def there(home):
    """The files below the order's folder."""
    folder = home.project / "tools/logsum"
    return {p.name: p.read_text() for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
