# Reads comma separated tables with the csv module and writes them as JSON.

import csv
import io
import json
import sys

OVERFLOW = "_extra"


def parse(text: str) -> list[list[str]]:
    # Cells may be long, so the limit of the module goes.
    csv.field_size_limit(sys.maxsize)
    source = csv.reader(io.StringIO(text, newline=""), strict=True)
    table = []
    while True:
        first_line = source.line_num + 1
        try:
            record = next(source, None)
        except csv.Error as problem:
            open_quote = "unexpected end" in str(problem)
            raise CsvError(first_line, "unterminated quote" if open_quote else "text after closing quote") from problem
        if record is None:
            return table
        if record:
            table.append(record)


def _distinct(titles: list[str]) -> list[str]:
    taken: list[str] = []
    for number, title in enumerate(titles, start=1):
        base = label = title or f"column_{number}"
        counter = 2
        while label in taken:
            label = f"{base}_{counter}"
            counter += 1
        taken.append(label)
    return taken


def _as_object(labels: list[str], record: list[str]) -> dict[str, str | list[str] | None]:
    filler = [None] * (len(labels) - len(record))
    result = dict(zip(labels, [*record, *filler]))
    if len(record) > len(labels):
        result[OVERFLOW] = record[len(labels):]
    return result


class CsvError(ValueError):
    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


def to_json(data: bytes) -> str:
    # A byte order mark is dropped by the codec.
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise CsvError(0, "not UTF-8") from problem
    table = parse(content)
    if len(table) < 2:
        return "[]\n"
    labels = _distinct(table[0])
    objects = [json.dumps(_as_object(labels, record), ensure_ascii=False) for record in table[1:]]
    return "[\n  " + ",\n  ".join(objects) + "\n]\n"
