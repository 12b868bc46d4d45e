"""One session of the real client and what `sef-stats audit` and the report must say about its delegations.

Owns: checking a verdict, that its evidence stands where it says and holds no text, and that the report's cost is the
client's own; the table of all verdicts.
Never: knows how a verdict is reached, or what any single case claims.
"""

import json
import re
from pathlib import Path

from api import NOTIFICATION
from trial import expect, expect_that

CENT = 0.01
WORK = "please take care of it"
FREE = ("--permission-mode", "acceptEdits", "--allowedTools", "Bash")
REJECTIONS = {"failed", "redone", "re-delegated", "user-visible"}

# The evidence of each reason.
SHOWN = {
    "went-on": ["result", "answer"],
    "turn-ended": ["result"],
    "edited-again": ["edit", "executor"],
    "searched-again": ["search", "executor"],
    "ran-again": ["command", "executor"],
    "read-again": ["read", "executor"],
    "again-higher-tier": ["spawn", "result"],
    "again-same-tier": ["spawn", "result"],
    "user-complained": ["prompt"],
    "error-result": ["result"],
    "gave-up": ["result"],
    "empty-result": ["result"],
    "stopped-by-user": ["result"],
    "nothing-after": [],
    "still-running": [],
    "refused": ["result"],
    "no-transcript": [],
}
# (client, case, expected, found) of every session that was judged; verdicts as (Agent call, outcome, reason).
TABLE = []


class Session:
    """One session of the client, in a home of its own, and what the client said that it cost."""

    def __init__(self, t, script, agents, **more):
        self.t = t
        self.home = t.start(script, agents, **more)
        self.id = None
        self.results = []

    def say(self, prompt=WORK, *args, code=0):
        """One prompt to its end, in the same session as those before it."""
        resumed = ("--resume", self.id) if self.id else ()
        run = self.home.ask(prompt, *FREE, *resumed, *args)
        expect(f"exit code after {prompt!r}", code, run.code)
        self.results.append(run.result())
        self.id = self.results[-1]["session_id"]
        return self

    def judged(self, *expected, mismatches=0, priced=True):
        """Fails the case unless audit and report say this: (Agent call, outcome, reason) for each delegation."""
        audit, report = self.home.audit(), self.home.report()
        wanted = sorted((block["id"], outcome, reason) for block, outcome, reason in expected)
        found = sorted((one["tool_use_id"], one["outcome"], one["reason"]) for one in audit["list"])
        TABLE.append((self.t.version, self.t.name, wanted, found))
        expect("outcomes", [v[1:] for v in wanted], [v[1:] for v in found])
        expect("calls that are judged", [v[0] for v in wanted], [v[0] for v in found])
        for one in audit["list"]:
            expect(f"evidence of {one['reason']}", SHOWN[one["reason"]], [e["what"] for e in one["evidence"]])
            for shown in one["evidence"]:
                expect_shown(shown)
        expect_wordless(audit)
        expect("the report's outcomes", audit["outcomes"], report["outcomes"])
        rejected = sum(outcome in REJECTIONS for _, outcome, _ in expected)
        known = sum(outcome != "unknown" for _, outcome, _ in expected)
        expect("(rejected, known)", (rejected, known), (report["outcomes"]["rejected"], report["outcomes"]["known"]))
        expect("rejection rate", rejected / known if known else None, report["rates"]["rejection"])
        expect("mismatches", mismatches, report["delegations"]["mismatches"])
        expect("delegations that the hook did not see", 0, report["delegations"]["not_seen_by_hook"])
        if priced:
            self.paid(report["cost"])
        return ", ".join(f"{outcome} ({reason})" for _, outcome, reason in expected)

    def paid(self, cost):
        """Fails the case unless the report's cost is the client's own to the cent."""
        expect("differences that the report itself found", [], cost["differences"])
        states = {}
        for line in self.home.lines("cost-state"):
            states[line["sessionId"]] = line["totalCostUSD"]
        expect("sessions checked", len(states), cost["sessions_checked"])
        if states:
            expect("sessions unchecked", 0, cost["sessions_unchecked"])
            client = sum(states.values())
            expect_that(
                abs(client - cost["actual_usd"]) < CENT / 2, f"${client:.6f} as cost-state says", cost["actual_usd"]
            )
            return
        # The oldest client writes no such line and prices Sonnet 5 by a rise that never came: the rest must agree.
        client = {}
        for result in self.results:
            for model, usage in result["modelUsage"].items():
                client[model] = client.get(model, 0) + usage["costUSD"]
        mine = {model: usage["usd"] for model, usage in cost["by_model"].items()}
        expect("models with a cost", sorted(client), sorted(mine))
        off = {m: (mine[m], client[m]) for m in client if "sonnet" not in m and abs(mine[m] - client[m]) >= CENT / 2}
        expect("models whose cost differs (report, client)", {}, off)


def expect_shown(shown):
    """Fails the case unless the evidence's file has a line with that id that is what it is said to be."""
    path = Path(shown["file"])
    expect_that(path.is_file(), "a file of evidence that exists", shown)
    lines = [json.loads(x) for x in path.read_text().splitlines() if shown["id"] in x]
    expect_that(any(is_it(line, shown) for line in lines), "a line with that id that is what it says", shown)


def is_it(line, shown):
    """Whether a line of a transcript is the evidence that it is taken for."""
    what, own = shown["what"], line.get("uuid") == shown["id"]
    content = (line.get("message") or {}).get("content")
    blocks = content if isinstance(content, list) else []
    tools = {b["name"] for b in blocks if b.get("type") == "tool_use" and b["id"] == shown["id"]}
    if what == "result":
        told = own and NOTIFICATION in json.dumps(line)
        return told or any(b.get("tool_use_id") == shown["id"] for b in blocks)
    if what == "answer":
        return own and line["type"] == "assistant"
    if what == "prompt":
        return own and line["type"] in ("user", "attachment")
    named = {
        "edit": {"Edit", "Write"},
        "search": {"Grep", "Glob", "Bash"},
        "command": {"Bash"},
        "read": {"Read"},
        "spawn": {"Agent"},
        "executor": {"Edit", "Write", "Grep", "Glob", "Bash", "Read"},
    }
    return bool(tools & named[what])


def expect_wordless(audit):
    """Fails the case unless the list holds codes, ids, paths and times only."""
    for one in audit["list"]:
        more = {key for shown in one["evidence"] for key in shown} - {"what", "file", "id"}
        expect("more about evidence than where it stands", set(), more)
        words = [one["outcome"], one["reason"], one["executor"], one["session"], one["tool_use_id"], one["agent_id"]]
        words += [e[key] for e in one["evidence"] for key in ("what", "id")]
        odd = [w for w in words if w is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", w)]
        expect("values that are no code and no id", [], odd)


def table():
    """The verdicts of all sessions, a line for each case, and their sum."""
    if not TABLE:
        return []
    rows, every, right, false, missed = {}, 0, 0, 0, 0
    for _, name, wanted, found in sorted(TABLE):
        saw = {call: verdict for call, *verdict in found}
        for call, *verdict in wanted:
            got = saw.get(call, ["not listed"])
            every, right = every + 1, right + (got == verdict)
            false += verdict[0] not in REJECTIONS and got[0] in REJECTIONS
            missed += verdict[0] in REJECTIONS and got[0] not in REJECTIONS
            row = (name.removeprefix("outcome_"), " ".join(verdict), " ".join(got))
            rows[row] = rows.get(row, 0) + 1
    widths = [max(len(row[part]) for row in rows) for part in range(3)]
    heads = ("outcomes by case", "expected", "found")
    lines = [("", *heads), *((str(count), *row) for row, count in rows.items())]
    lines = [f"{n:>3}  {c:<{widths[0]}}  {w:<{widths[1]}}  {f}" for n, c, w, f in lines]
    sums = f"{right} of {every} right, {false} false rejections, {missed} missed, in {len(TABLE)} sessions"
    return [*lines, f"outcomes: {sums}"]
