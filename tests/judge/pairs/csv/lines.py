import csv
import json


def convert(text):
    """Rows of a CSV text as a JSON list of objects."""
    if text.startswith("\ufeff"):
        text = text[1:]
    rows = list(csv.reader(text.splitlines(keepends=True)))
    if not rows:
        return "[]"
    names = [name.strip() for name in rows[0]]
    objects = []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise ValueError(f"line {number}: wrong number of fields")
        objects.append({name: typed(value) for name, value in zip(names, row)})
    return json.dumps(objects, ensure_ascii=False)


def typed(value):
    if value == "":
        return None
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            pass
    return value
