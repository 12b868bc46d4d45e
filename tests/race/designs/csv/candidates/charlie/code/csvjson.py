"""CSV to JSON with one regular expression for a cell."""

import json
import re
from collections import Counter

CELL = re.compile(r'(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|\Z)')


class CsvError(ValueError):
    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


def parse(text: str) -> list[list[str]]:
    records: list[list[str]] = []
    cells: list[str] = []
    at = 0
    while at < len(text):
        match = CELL.match(text, at)
        if match is None:
            line = text.count("\n", 0, at) + 1
            raise CsvError(line, "unterminated quote")
        quoted, bare, end = match.groups()
        cells.append(bare if quoted is None else quoted.replace('""', '"'))
        at = match.end()
        if end != ",":
            if cells != [""]:
                records.append(cells)
            cells = []
    return records


def names_of(header: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    names = []
    for index, name in enumerate(header):
        name = name or f"column_{index + 1}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return names


def objects(records: list[list[str]]):
    names = names_of(records[0])
    for cells in records[1:]:
        row = {name: cells[index] if index < len(cells) else None for index, name in enumerate(names)}
        if cells[len(names):]:
            row["_extra"] = cells[len(names):]
        yield row


def to_json(data: bytes) -> str:
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise CsvError(0, "not UTF-8") from None
    records = parse(text)
    body = ",".join(f"\n  {json.dumps(row, ensure_ascii=False)}" for row in objects(records)) if records else ""
    return f"[{body}\n]\n" if body else "[]\n"
