#!/usr/bin/env python3
"""Fits the weights of the rules and of frequent words to labelled prompts, and writes rules/tiers/90-learned.toml.

    scripts/train.py --real LABELLED.jsonl [--own 'data/prompts/*.jsonl'] [--cv] [--write]

--real   labelled prompts of real people, with a `group` per author: the only ones that figures are computed on
--more   further labelled prompts of real people, from other sources; they train like --real, and figures on them are shown apart
--own    further labelled examples (this project's own); they only ever train
--cv     grouped cross-validation: authors are never on both sides; words are chosen inside each fold
--ablate the cross-validated figures without each group of rules (slow; --folds 3 will do)
--write  fit on everything and write the file

What fires on a text is asked of `sef classify` itself, so training and the hook can never disagree about a rule. The
model is multinomial logistic regression with an L2 penalty, one for prompts and one for task texts of subagents. Words
and word pairs enter as rules without a name; rare ones and those of few authors stay out. Needs numpy, scipy and
scikit-learn (from PyPI); SEF itself needs none of them.
"""
import argparse
import collections
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import unicodedata

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.path.join(ROOT, "rules/tiers/90-learned.toml")
# The routing examples that the documents promise: few, and they must come out right.
PROMISES = "promises.jsonl"
# Chosen on the cross-validation, see docs/accuracy.md. `caution` pulls the choice,
# not the probability, towards tiers that are rare and dear to miss.
SETTINGS = {
    "user": {"c": 0.05, "own_weight": 0.5, "promise_weight": 8.0, "own_copy": 1.0, "real_copy": 0.5, "more_copy": 0.7, "caution": [0.7, 0.0, 0.0, 0.95]},
    "subagent": {
        "c": 0.05, "own_weight": 0.5, "promise_weight": 0.5, "own_copy": 0.5, "real_copy": 0.5, "more_copy": 0.7, "user_weight": 0.15, "caution": [0.0, 0.0, 0.4, 0.8],
    },
}  # fmt: skip
# Each text is learned this often, each time without a random share of what fires on it: no rule may rest on another.
COPIES, DROPPED = 5, 0.4
# A label that a careful colleague could have chosen otherwise counts half.
BORDERLINE_WEIGHT = 0.5
# What a wrong tier costs; the same table as in src/classify/mod.rs. Rows: right, columns: chosen.
COST = np.array([[0, 0.5, 0.5, 0.5], [2, 0, 1, 2], [1, 3, 0, 1], [0, 6, 3, 0]])


def words(text):
    """Words as src/rules/words.rs folds them."""
    text = unicodedata.normalize("NFD", text.lower())
    text = "".join(c for c in text if not unicodedata.combining(c)).replace("'", "").replace("\u2019", "")
    return re.findall(r"[^\W_]+(?:_[^\W_]*)*", text)


def task_text(row):
    if row["kind"] == "user":
        return row["prompt"]
    return (row.get("description") or "") + " . " + row["prompt"][:1500]


def load(pattern, own, source="real"):
    rows = []
    for name in sorted(glob.glob(pattern)):
        with open(name, encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                row.setdefault("kind", "user")
                row["source"] = "own" if own else source
                row["own"] = os.path.basename(name) if own else None
                row["author"] = "own" if own else row["group"]
                rows.append(row)
    return rows


def common_phrases(rows, args):
    """Words, pairs and openings that enough texts of enough authors hold."""
    count, authors = collections.Counter(), collections.defaultdict(set)
    for number, row in enumerate(rows):
        found = words(task_text(row))[:400]
        keys = set(found) | {" ".join(pair) for pair in zip(found, found[1:])}
        if found:
            keys |= {"^ " + found[0], "^ " + " ".join(found[:2])}
        for key in keys:
            count[key] += 1
            authors[key].add(row["author"] if row["author"] != "own" else number)
    kept = []
    for key, times in count.items():
        body = key[2:] if key.startswith("^ ") else key
        least = args.min_words if " " not in body else args.min_pairs
        if times >= least and len(authors[key]) >= args.min_authors and max(map(len, body.split())) <= 30:
            kept.append(key)
    return kept


def named_rules():
    """Ids of all rules, all word classes, and all features of the lexer, as keys of learned weights."""
    ids, classes = [], set()
    for name in sorted(glob.glob(os.path.join(ROOT, "rules/tiers/*.toml"))):
        if name == OUT:
            continue
        with open(name, "rb") as file:
            data = tomllib.load(file)
        ids += [rule["id"] for rule in data.get("rule", [])]
        # Classes of a single rule file serve its rules; only the general ones are features of their own.
        if os.path.basename(name) < "10":
            classes |= set(data.get("class", {}))
    features = set()
    for name in ("lexer.rs", "before.rs"):
        with open(os.path.join(ROOT, "src/classify", name), encoding="utf-8") as file:
            features |= set(re.findall(r'"(@[a-z0-9-]+)"', file.read()))
    classes -= {"gave-up"}
    shapes = [shape % name for name in sorted(classes) for shape in ("{%s}", "> {%s}", "^ {%s}")]
    return ids, shapes + sorted(features)


def fired(rows, keys, sef):
    """Which rules and learned phrases fire on each row."""
    with tempfile.TemporaryDirectory() as home:
        config = os.path.join(home, "config")
        os.makedirs(config)
        with open(os.path.join(config, "rules.toml"), "w", encoding="utf-8") as file:
            file.write("[learned.user]\n")
            for key in sorted(set(keys)):
                file.write(json.dumps(key, ensure_ascii=False) + " = [0.0, 0.0, 0.0, 0.0]\n")
        fields = ("prompt", "kind", "subagent_type", "description", "prev", "first")
        lines = "".join(
            json.dumps({"id": n, **{k: row[k] for k in fields if row.get(k) is not None}}) + "\n"
            for n, row in enumerate(rows)
        )
        env = {"HOME": home, "SEF_CONFIG_DIR": config, "SEF_STATE_DIR": os.path.join(home, "state")}
        done = subprocess.run([sef, "classify", "--jsonl", "--all"], input=lines, capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit("sef classify failed: " + done.stderr)
    return [json.loads(line)["rules"] for line in done.stdout.splitlines()]


def matrix(rows_fired, names):
    place = {name: n for n, name in enumerate(names)}
    at = [(n, place[name]) for n, found in enumerate(rows_fired) for name in set(found) if name in place]
    rows, columns = zip(*at) if at else ((), ())
    return sp.csr_matrix((np.ones(len(at)), (rows, columns)), shape=(len(rows_fired), len(names)))


def strength(name, ids):
    """Rules and classes are few and meant to generalise, so they are penalised less than single words."""
    if name in ids:
        return 2.0
    if "{" in name or "@" in name:
        return 1.5
    return 0.7 if " " in name.removeprefix("^ ") else 1.0


def fit(rows, rows_fired, names, ids, kind, args):
    """Weights (scores of four tiers per name) and bias for one kind of text.

    Our own examples are another population than real prompts, and so are those of --more: every feature enters once for
    all, once for each population (Daume's feature augmentation), and only what holds for real texts is kept.
    """
    setting = args.settings[kind]
    scale = np.array([strength(name, ids) for name in names])
    fires = matrix(rows_fired, names)
    own = np.array([bool(row["own"]) for row in rows])
    more = np.array([row["source"] == "more" for row in rows])
    apart = np.array([bool(row["own"]) and row["own"] != PROMISES for row in rows])
    # Each own file and each source has its own base rate of tiers, which must not become part of the weights.
    files = sorted({row["own"] for row in rows if row["own"]}) + ["more"]
    base = sp.lil_matrix((len(rows), len(files)))
    for n, row in enumerate(rows):
        if apart[n] or more[n]:
            base[n, files.index(row["own"] or "more")] = 1.5
    weight = np.where(own, setting["own_weight"], 1.0)
    weight *= np.array([BORDERLINE_WEIGHT if row.get("borderline") and not row["own"] else 1.0 for row in rows])
    weight[[n for n, row in enumerate(rows) if row["own"] == PROMISES]] = setting["promise_weight"]
    if kind == "subagent":
        weight = weight * np.array([1.0 if row["kind"] == kind else setting["user_weight"] for row in rows])
        keep = weight > 0
    else:
        keep = np.array([row["kind"] == kind for row in rows])
    truth = np.array([row["tier"] for row in rows])
    kept = np.where(keep)[0]
    random = np.random.RandomState(args.seed)
    copies = []
    for _ in range(COPIES):
        some = fires[kept].tocoo()
        stays = random.rand(len(some.data)) >= DROPPED
        cells = (some.data[stays] / (1 - DROPPED), (some.row[stays], some.col[stays]))
        shared = (sp.csr_matrix(cells, shape=some.shape) @ sp.diags(scale)).tocsr()
        blocks = [shared] + [
            setting[copy] * (sp.diags(of[kept].astype(float)) @ shared)
            for copy, of in (("own_copy", apart), ("real_copy", ~own), ("more_copy", more))
        ]
        copies.append(sp.hstack(blocks + [base.tocsr()[kept]]))
    model = LogisticRegression(C=setting["c"], max_iter=600)
    model.fit(sp.vstack(copies).tocsr(), np.tile(truth[kept], COPIES), sample_weight=np.tile(weight[kept], COPIES) / COPIES)
    count = len(names)
    weights = model.coef_[:, :count] + setting["real_copy"] * model.coef_[:, 2 * count : 3 * count]
    return weights.T * scale[:, None], model.intercept_


def probabilities(rows_fired, names, weights, bias):
    scores = matrix(rows_fired, names) @ weights + bias
    scores -= scores.max(axis=1, keepdims=True)
    powers = np.exp(scores)
    return powers / powers.sum(axis=1, keepdims=True)


def choose(chances, lean, kind="user"):
    weighed = chances * np.exp(SETTINGS[kind]["caution"])
    return np.argmin(weighed @ ((1 - lean) * (1 - np.eye(4)) + lean * COST), axis=1)


def figures(truth, chances, lean, kind="user"):
    chosen = choose(chances, lean, kind)
    order = np.argsort(-chances[np.arange(len(truth)), chosen], kind="stable")
    running = np.cumsum((chosen == truth)[order]) / np.arange(1, len(truth) + 1)
    good = np.where(running >= 0.9)[0]
    haiku = chosen == 1
    return {
        "accuracy": (chosen == truth).mean(),
        "error": COST[truth, chosen].mean(),
        "3 lower": np.isin(chosen[truth == 3], (1, 2)).mean() if (truth == 3).any() else 0,
        "0 woken": (chosen[truth == 0] > 0).mean() if (truth == 0).any() else 0,
        "cov90": (good.max() + 1) / len(truth) if len(good) else 0.0,
        "haiku<2": (truth[haiku] >= 2).mean() if haiku.any() else 0.0,
    }


def show(name, values):
    print("  %-32s" % name + "  ".join("%s %.3f" % pair for pair in values.items()), flush=True)


# Tokens in and out of a task, for the expected cost of the presets.
TOKENS = (2_000, 4_000)


def task_cost(family):
    """List price of such a task on the newest model of a family: the first row of rules/prices.toml that names one."""
    with open(os.path.join(ROOT, "rules/prices.toml"), "rb") as file:
        row = next(row for row in tomllib.load(file)["price"] if family in row["model"])
    return TOKENS[0] * row["input"] + TOKENS[1] * row["output"]


def presets(kind, truth, chances, lean):
    """What each preset of config.toml would do, as src/handle/{prompt,spawn}.rs do it."""
    with open(os.path.join(ROOT, "rules/config.toml"), "rb") as file:
        confidence = tomllib.load(file)["confidence"]
    chosen = choose(chances, lean, kind)
    share = lambda mask, of: mask.sum() / max(1, of.sum())
    for name in ("careful", "balanced", "eager"):
        least = confidence[name]
        tier = chosen.copy()
        tier[(tier == 1) & (chances[:, :2].sum(axis=1) < least["haiku"])] = 2
        tier[(tier == 2) & (chances[:, :3].sum(axis=1) < least["sonnet"])] = 3
        if kind == "user":
            sure = chances[np.arange(len(chosen)), chosen] >= least["hint"]
            hint = (tier == chosen) & np.isin(chosen, (1, 2)) & sure
            haiku = hint & (chosen == 1)
            shown = {
                "hinted": hint.mean(),
                "right": share((chosen == truth) & hint, hint),
                "too low": share((chosen < truth) & hint, hint),
                "haiku<2": share((truth >= 2) & haiku, haiku),
                "0 hinted": share((truth == 0) & hint, truth == 0),
            }
        else:
            tier[tier == 0] = 2
            cost = {1: task_cost("haiku"), 2: task_cost("sonnet"), 3: task_cost("opus")}
            shown = {
                "haiku": (tier == 1).mean(),
                "sonnet": (tier == 2).mean(),
                "parent": (tier == 3).mean(),
                "haiku<2": share((truth >= 2) & (tier == 1), tier == 1),
                "sonnet<3": share((truth == 3) & (tier == 2), tier == 2),
                "cost": np.mean([cost[t] for t in tier]) / cost[3],
            }
        show(name, shown)


def folded(real, own, args, everything, candidates, quiet=False):
    """Cross-validated probabilities of the real texts, and the in-sample accuracies of each fold by kind."""
    authors = sorted({row["author"] for row in real})
    np.random.RandomState(args.seed).shuffle(authors)
    fold = {author: n % args.folds for n, author in enumerate(authors)}
    ids = named_rules()[0]
    truth = np.array([row["tier"] for row in real])
    chances, inside = np.zeros((len(real), 4)), collections.defaultdict(list)
    for number in range(args.folds):
        train = [n for n, row in enumerate(real) if fold[row["author"]] != number]
        rows = [real[n] for n in train] + own
        chosen = candidates(rows)
        names = sorted({name for found in everything for name in found if name in chosen})
        rows_fired = [everything[n] for n in train] + everything[len(real) :]
        for kind in ("user", "subagent"):
            weights, bias = fit(rows, rows_fired, names, set(ids), kind, args)
            test = [n for n, row in enumerate(real) if fold[row["author"]] == number and row["kind"] == kind]
            chances[test] = probabilities([everything[n] for n in test], names, weights, bias)
            seen = [n for n in train if real[n]["kind"] == kind]
            known = probabilities([everything[n] for n in seen], names, weights, bias)
            inside[kind].append((choose(known, args.lean, kind) == truth[seen]).mean())
        if not quiet:
            print("fold %d: %d weights" % (number + 1, len(names)), file=sys.stderr, flush=True)
    return truth, chances, inside


def cross_validate(real, own, args):
    ids, shapes = named_rules()
    everything = fired(real + own, common_phrases(real + own, args) + shapes, args.sef)
    candidates = lambda rows: set(common_phrases(rows, args)) | set(shapes) | set(ids)
    truth, chances, inside = folded(real, own, args, everything, candidates)
    for source, kind in (("real", "user"), ("real", "subagent"), ("more", "user")):
        at = np.array([row["kind"] == kind and row["source"] == source for row in real])
        if not at.any():
            continue
        print("--%s %s: %d texts, in-sample accuracy %.3f" % (source, kind, at.sum(), np.mean(inside[kind])))
        for lean in (0.0, 0.05, 0.1, 0.2, 0.3, 0.5):
            show("lean %.2f" % lean, figures(truth[at], chances[at], lean, kind))
        if source == "real":
            presets(kind, truth[at], chances[at], args.lean)
    if args.save:
        np.savez(args.save, chances=chances, truth=truth, kind=np.array([row["kind"] for row in real]))


def ablate(real, own, args):
    """What each group of rules, and each kind of learned feature, is worth: the figures without it."""
    ids, shapes = named_rules()
    everything = fired(real + own, common_phrases(real + own, args) + shapes, args.sef)
    groups = {"nothing": lambda key: False}
    for name in sorted(glob.glob(os.path.join(ROOT, "rules/tiers/*.toml"))):
        with open(name, "rb") as file:
            of = {rule["id"] for rule in tomllib.load(file).get("rule", [])}
        if of and name != OUT:
            groups[os.path.basename(name)] = lambda key, of=of: key in of
    groups["all rules"] = lambda key: key in set(ids)
    groups["word classes"] = lambda key: "{" in key
    groups["form and memory (@)"] = lambda key: key.startswith("@")
    groups["words and pairs"] = lambda key: key not in ids and "{" not in key and "@" not in key
    for name, gone in groups.items():
        candidates = lambda rows: {key for key in common_phrases(rows, args) + shapes + ids if not gone(key)}
        truth, chances, _ = folded(real, own, args, everything, candidates, quiet=True)
        at = np.array([row["kind"] == "user" and row["source"] == "real" for row in real])
        show("without " + name, figures(truth[at], chances[at], args.lean))


def write(real, own, args):
    rows = real + own
    ids, shapes = named_rules()
    phrases = common_phrases(rows, args) + shapes
    rows_fired = fired(rows, phrases, args.sef)
    # What the binary itself has learned before is no candidate.
    allowed = set(phrases) | set(ids)
    names = sorted({name for found in rows_fired for name in found if name in allowed})
    lines = [
        "# Written by scripts/train.py: do not edit by hand. Scores that each rule (#id), class, feature or phrase adds to",
        "# tiers 0-3; `^ ` means the first word of the text, `> ` the head of a clause. Change or add rules in the other",
        "# files and fit again, or override single lines in your own rules.toml. How well it does: docs/accuracy.md.",
        "",
    ]
    tables = []
    for kind, title, bias_name in (("user", "user", "bias"), ("subagent", "task", "task_bias")):
        weights, bias = fit(rows, rows_fired, names, set(ids), kind, args)
        # Scores are only compared with each other, so each row is centred, and rows that say nothing are left out.
        weights = weights - weights.mean(axis=1, keepdims=True)
        bias = bias - bias.mean()
        tables.append((title, bias_name, weights, bias))
    lines.append("[model]")
    lines += ["%s = [%s]" % (name, ", ".join("%.2f" % v for v in bias)) for _, name, _, bias in tables]
    for kind, name in (("user", "caution"), ("subagent", "task_caution")):
        lines.append("%s = [%s]" % (name, ", ".join("%.2f" % v for v in args.settings[kind]["caution"])))
    lines += ["lean = %.2f" % args.lean, ""]
    total = 0
    for title, _, weights, _ in tables:
        lines.append("[learned.%s]" % title)
        rowed = dict(zip(names, weights))
        entries = [("#" + name, rowed.get(name, np.zeros(4))) for name in sorted(ids)]
        entries += [(name, rowed[name]) for name in names if name not in ids and np.abs(rowed[name]).max() >= args.prune]
        for key, values in entries:
            lines.append("%s = [%s]" % (json.dumps(key, ensure_ascii=False), ", ".join("%.2f" % (round(v, 2) + 0.0) for v in values)))
        lines.append("")
        total += len(entries)
    with open(OUT, "w", encoding="utf-8") as file:
        file.write("\n".join(lines).rstrip() + "\n")
    print("wrote %s: %d lines of weights from %d texts" % (os.path.relpath(OUT, ROOT), total, len(rows)))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--real", required=True)
    ap.add_argument("--more", default="")
    ap.add_argument("--own", default=os.path.join(ROOT, "data/prompts/*.jsonl"))
    ap.add_argument("--sef", default=os.path.join(ROOT, "target/release/sef"))
    ap.add_argument("--cv", action="store_true")
    ap.add_argument("--write", action="store_true")
    ap.add_argument("--ablate", action="store_true")
    ap.add_argument("--folds", type=int, default=10)
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--lean", type=float, default=0.1)
    ap.add_argument("--min-words", type=int, default=8)
    ap.add_argument("--min-pairs", type=int, default=10)
    ap.add_argument("--min-authors", type=int, default=6)
    ap.add_argument("--prune", type=float, default=0.06)
    ap.add_argument("--save", help="keep the cross-validated probabilities in this .npz")
    args = ap.parse_args()
    args.settings = SETTINGS
    real, own = load(args.real, False) + load(args.more, False, "more"), load(args.own, True)
    print("%d real texts of %d authors, %d own" % (len(real), len({r["author"] for r in real}), len(own)))
    if args.cv:
        cross_validate(real, own, args)
    if args.ablate:
        ablate(real, own, args)
    if args.write:
        write(real, own, args)


if __name__ == "__main__":
    main()
