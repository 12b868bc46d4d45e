"""CSV as partners send it, to JSON: the csv module reads, this names the columns and words the errors."""

import csv
import io
import json
import sys

EXTRA = "_extra"


class CsvError(ValueError):
    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


def to_json(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CsvError(0, "not UTF-8") from error
    records = parse(text)
    if len(records) < 2:
        return "[]\n"
    names = _unique(records[0])
    lines = [json.dumps(_named(names, cells), ensure_ascii=False) for cells in records[1:]]
    return "[\n  " + ",\n  ".join(lines) + "\n]\n"


def parse(text: str) -> list[list[str]]:
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records = []
    while True:
        begins = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            unterminated = "unexpected end" in str(error)
            raise CsvError(begins, "unterminated quote" if unterminated else "text after closing quote") from error
        if cells is None:
            return records
        if cells:
            records.append(cells)


def _unique(header: list[str]) -> list[str]:
    names: list[str] = []
    for place, cell in enumerate(header, start=1):
        wanted = name = cell or f"column_{place}"
        suffix = 2
        while name in names:
            name = f"{wanted}_{suffix}"
            suffix += 1
        names.append(name)
    return names


def _named(names: list[str], cells: list[str]) -> dict[str, str | list[str] | None]:
    missing = [None] * (len(names) - len(cells))
    row = dict(zip(names, [*cells, *missing]))
    if len(cells) > len(names):
        row[EXTRA] = cells[len(names):]
    return row
