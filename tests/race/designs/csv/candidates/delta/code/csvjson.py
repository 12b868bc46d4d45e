"""CSV to JSON, for tables as most partners send them."""

import json


class CsvError(ValueError):
    line = 0
    reason = ""


def parse(text: str) -> list[list[str]]:
    return [line.split(",") for line in text.splitlines() if line]


def to_json(data: bytes) -> str:
    header, *rows = parse(data.decode("utf-8", "replace")) or [[]]
    return json.dumps([dict(zip(header, row)) for row in rows])
