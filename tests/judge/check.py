#!/usr/bin/env python3
"""Recomputes judgements from the sheets and the measured facts, without any of the program's code or tables.

Reads lines {"given": [candidate...], "mode": ..., "judgement": ...}; prints how many agree, or what does not (exit 1).
"""
import json
import sys

FITNESS = "works complete realistic usable solves ships grows handover".split()
ROBUST = ("input-checked errors-handled messages empty-handled timeouts bounded-loops growth bounded-memory paged "
          "non-blocking retries ten-times").split()
MAINTAIN = "one-job no-globals logic-apart few-files configuration tests-catch".split()
CRITERIA = ["fitness", "complexity", "readability", "robustness", "maintainability"]
READ = {"one_letter_name", "long_function", "deep_nesting", "magic_number"}


def place(facts, text):
    """(path, first, last) or None."""
    head, colon, tail = text.strip().rpartition(":")
    if not colon:
        return None
    first, dash, last = tail.partition("-")
    last = last if dash else first
    if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
        return None
    head = head[2:] if head.startswith("./") else head
    for file in facts["files"]:
        if file["path"] == head and 1 <= int(first) <= int(last) <= file["lines"]:
            return head, int(first), int(last)
    return None


def code(facts, path, first, last):
    for file in facts["files"]:
        if file["path"] == path and file["role"] == "code":
            return {(path, n) for a, b in file["code"] for n in range(a, b + 1) if first <= n <= last}
    return set()


def widened(facts, spot):
    path, first, last = spot
    if first == last:
        ends = [b for file in facts["files"] if file["path"] == path for a, b in file["definitions"] if a == first]
        last = max(ends, default=last)
    return path, first, last


def answer(candidate, facts, item):
    """The answer that counts, and whether somebody read it."""
    kinds = {finding["kind"] for finding in facts["findings"]}
    if item == "works" and candidate["tests"] is not None:
        return ("yes" if passing(candidate) else "no"), False
    if item == "complete":
        for gate in candidate["gates"]:
            if gate["name"] == "adherence":
                return ("yes" if gate["passed"] else "no"), False
    if item == "bounded-loops" and "endless_loop" in kinds or item == "no-globals" and "mutable_global" in kinds:
        return "no", False
    claim = candidate["answers"].get("items", {}).get(item)
    if claim is None or claim["answer"] != "na" and place(facts, claim.get("place", "")) is None:
        return None, False
    return claim["answer"], True


def passing(candidate):
    tests = candidate["tests"]
    return tests is None or tests["all_passed"] and not tests["failed"]


def sound(candidate, facts):
    return passing(candidate) and all(gate["passed"] for gate in candidate["gates"]) and facts["code_lines"] > 0


def by_items(candidate, facts, items, steps):
    got = [answer(candidate, facts, item) for item in items]
    yes = sum(a == "yes" for a, _ in got)
    applies = yes + sum(a == "no" for a, _ in got)
    known = sum(a is not None for a, _ in got)
    unread = not any(read for _, read in got) and known < len(items) / 2
    if applies == 0:
        return None, unread
    points = yes * len(items) // applies
    return next(score for least, score in steps if points >= least), unread


def scores(candidate, facts, smallest):
    answers = candidate["answers"]
    result, weak = {}, set()
    result["fitness"], unread = by_items(candidate, facts, FITNESS, [(7, 5), (5, 4), (4, 3), (2, 2), (0, 1)])
    weak |= {"fitness"} if unread else set()
    robust, unread = by_items(candidate, facts, ROBUST, [(11, 5), (9, 4), (7, 3), (5, 2), (0, 1)])
    raised = [flag["severity"] for flag in answers.get("flags", {}).values()
              if flag["severity"] != "none" and place(facts, flag["place"])]
    if raised:
        cap = min({"minor": 4, "major": 2, "critical": 1}[severity] for severity in raised)
        robust, unread = min(cap, robust or 5), False
    result["robustness"] = robust
    weak |= {"robustness"} if unread else set()
    steps = [(6, 5), (5, 4), (4, 3), (2, 2), (0, 1)]
    result["maintainability"], unread = by_items(candidate, facts, MAINTAIN, steps)
    weak |= {"maintainability"} if unread else set()

    extra_answer, _ = answer(candidate, facts, "extra-justified")
    bloat = set()
    for finding in facts["findings"]:
        if finding["kind"] in ("dead", "duplicate"):
            bloat |= code(facts, finding["path"], finding["line"], finding["end"])
    for named in answers.get("abstractions", []):
        spot = place(facts, named["place"])
        if spot:
            bloat |= code(facts, *widened(facts, spot))
    lines = len(bloat)
    if extra_answer == "no" and smallest is not None:
        lines = max(lines, facts["code_lines"] - smallest)
    if not facts["parsed"] and "abstractions" not in answers and extra_answer is None:
        result["complexity"] = None
    else:
        rest = facts["code_lines"] - lines
        if lines == 0:
            result["complexity"] = 5
        elif rest <= 0:
            result["complexity"] = 1
        else:
            percent = lines / rest * 100
            result["complexity"] = 4 if percent < 10 else 3 if percent <= 25 else 2 if percent <= 50 else 1

    violations = sum(finding["kind"] in READ for finding in facts["findings"])
    spots = {place(facts, named["place"]) for named in answers.get("bad_names", [])} - {None}
    violations += len({spot[:2] for spot in spots})
    if facts["parsed"] or "bad_names" in answers:
        result["readability"] = (5 if violations == 0 else 4 if violations <= 2 else 3 if violations <= 4
                                 else 2 if violations <= 7 else 1)
    else:
        result["readability"] = None
    return result, weak


def check(case):
    given = {candidate["name"]: candidate for candidate in case["given"]}
    judgement = case["judgement"]
    judged = {candidate["name"]: candidate for candidate in judgement["candidates"]}
    assert list(judged) == sorted(given), "candidates stand by name"
    facts = {name: judged[name]["facts"] for name in judged}
    smallest = min((facts[n]["code_lines"] for n in given if sound(given[n], facts[n])), default=None)

    same = {frozenset((p["one"], p["other"])) for p in judgement["similarity"] if p["same"]}
    figures = ["repairs", "calls", "generation_ms"]
    common = [f for f in figures[:2] if all(given[n]["effort"][f] is not None for n in given)]
    kept, duplicate = [], {}
    for name in sorted(given, key=lambda n: (not sound(given[n], facts[n]), [given[n]["effort"][f] for f in common], n)):
        originals = [other for other in kept if frozenset((other, name)) in same]
        if originals:
            duplicate[name] = originals[0]
        else:
            kept.append(name)

    score, out = {}, {}
    for name, candidate in given.items():
        if name in duplicate:
            candidate = dict(candidate, answers={})
        score[name], weak = scores(candidate, facts[name], smallest)
        reasons = set()
        if not passing(candidate):
            reasons.add("tests")
        if facts[name]["code_lines"] == 0:
            reasons.add("empty")
        reasons |= {gate["name"] for gate in candidate["gates"] if not gate["passed"]}
        reasons |= {c for c in CRITERIA if score[name][c] == 1 and c not in weak}
        if name in duplicate:
            reasons.add("duplicate")
        out[name] = reasons
    left = [name for name in given if not out[name]]
    fitness = [score[name]["fitness"] for name in left if score[name]["fitness"] is not None]
    for name in list(left):
        if score[name]["fitness"] is not None and max(fitness) - score[name]["fitness"] >= 2:
            out[name].add("fitness-gap")
    left = [name for name in given if not out[name]]

    compared = [c for c in CRITERIA if all(score[n][c] is not None for n in left or given)]
    total = {name: sum(score[name][c] for c in compared)
             if compared and all(score[name][c] is not None for c in compared) else None for name in given}
    group = [n for n in left if max((total[m] or 0) for m in left) - (total[n] or 0) <= 1]
    if len(group) > 1:
        usable = [f for f in figures if all(given[n]["effort"][f] is not None for n in group)]
        for key in ([lambda n, f=f: given[n]["effort"][f] for f in usable]
                    + [lambda n: -(total[n] or 0), lambda n: facts[n]["code_lines"]]):
            best = min(map(key, group))
            group = [n for n in group if key(n) == best]
    winner = group[0] if len(group) == 1 else None

    for name in given:
        said = judged[name]
        assert said["scores"] == score[name], (name, said["scores"], score[name])
        assert set(said["reasons"]) == out[name], (name, said["reasons"], out[name])
        assert said["eliminated"] == bool(out[name]), name
        assert said["total"] == total[name], (name, said["total"], total[name])
        assert said["duplicate_of"] == duplicate.get(name), name
    assert judgement["compared"] == compared, (judgement["compared"], compared)
    assert judgement["winner"] == winner, (judgement["winner"], winner)
    assert sorted(judgement["tie"]) == (sorted(group) if len(group) > 1 else []), judgement["tie"]
    return winner is not None


def main():
    cases = winners = 0
    for line in sys.stdin:
        case = json.loads(line)
        try:
            winners += check(case)
        except AssertionError as wrong:
            print(f"case {cases}: {wrong}\n{line[:4000]}")
            sys.exit(1)
        cases += 1
    print(f"{cases} agree, {winners} with a winner")


main()
