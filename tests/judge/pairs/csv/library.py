import csv
import io
import json


def convert(text):
    """Rows of a CSV text as a JSON list of objects."""
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    if reader.fieldnames is None:
        return "[]"
    rows = []
    for number, row in enumerate(reader, start=2):
        if None in row or None in row.values():
            raise ValueError(f"line {number}: wrong number of fields")
        rows.append({name.strip(): typed(value) for name, value in row.items()})
    return json.dumps(rows, ensure_ascii=False)


def typed(value):
    if value == "":
        return None
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return float(value)
    except ValueError:
        return value
