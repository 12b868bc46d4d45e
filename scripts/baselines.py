#!/usr/bin/env python3
"""What simpler ways of choosing a tier reach on the same folds as scripts/train.py --cv.

    scripts/baselines.py --real LABELLED.jsonl

Always Sonnet, always Opus, a plain keyword router (below: one list of words a tier, first match wins), and tf-idf of
words with logistic regression. Authors are never on both sides of a fold; the same figures as in train.py.
"""
import argparse
import re

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

import train

KEYWORDS = [
    (3, r"architect|redesign|design a|trade-?off|security|race condition|migrate|performance|from scratch"),
    (2, r"implement|add|create|write|fix|bug|error|refactor|test|review|explain|why|build|debug"),
    (1, r"find|list|show|search|read|run|where|what|which|commit|push|rename|typo|readme|install"),
    (0, r"^(ok|yes|no|thanks|thank you|continue|go ahead)\b"),
]


def keywords(text):
    for tier, pattern in KEYWORDS:
        if re.search(pattern, text, re.IGNORECASE):
            return tier
    return 2


def certain(tiers):
    chances = np.full((len(tiers), 4), 1e-9)
    chances[np.arange(len(tiers)), tiers] = 1.0
    return chances


def tfidf(rows, folds, seed):
    authors = sorted({row["author"] for row in rows})
    np.random.RandomState(seed).shuffle(authors)
    fold = {author: n % folds for n, author in enumerate(authors)}
    at = np.array([fold[row["author"]] for row in rows])
    texts = np.array([train.task_text(row) for row in rows], dtype=object)
    truth = np.array([row["tier"] for row in rows])
    chances = np.zeros((len(rows), 4))
    for number in range(folds):
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        model = LogisticRegression(C=4, max_iter=500)
        model.fit(words.fit_transform(texts[at != number]), truth[at != number])
        chances[at == number] = model.predict_proba(words.transform(texts[at == number]))
    return chances


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--real", required=True)
    args = ap.parse_args()
    rows = train.load(args.real, False)
    ways = {
        "always Sonnet": certain([2] * len(rows)),
        "always Opus": certain([3] * len(rows)),
        "keyword router": certain([keywords(train.task_text(row)) for row in rows]),
        "tf-idf + logistic": tfidf(rows, 5, 0),
    }
    truth = np.array([row["tier"] for row in rows])
    for kind in ("user", "subagent"):
        at = np.array([row["kind"] == kind for row in rows])
        print(kind)
        for name, chances in ways.items():
            train.show(name, train.figures(truth[at], chances[at], 0.0))


if __name__ == "__main__":
    main()
