import json


def convert(text):
    """Rows of a CSV text as a JSON list of objects."""
    records = parse(text.lstrip("\ufeff"))
    if not records:
        return "[]"
    header, *body = records
    names = [name.strip() for name in header]
    result = []
    for number, record in enumerate(body, start=2):
        if len(record) != len(names):
            raise ValueError(f"line {number}: wrong number of fields")
        result.append(dict(zip(names, map(typed, record))))
    return json.dumps(result, ensure_ascii=False)


def parse(text):
    records, record, field, quoted = [], [], [], False
    at = 0
    while at < len(text):
        char = text[at]
        if quoted:
            if char == '"' and text[at + 1:at + 2] == '"':
                field.append(char)
                at += 1
            elif char == '"':
                quoted = False
            else:
                field.append(char)
        elif char == '"':
            quoted = True
        elif char == ",":
            record.append("".join(field))
            field = []
        elif char == "\n":
            record.append("".join(field))
            records.append(record)
            record, field = [], []
        elif char != "\r":
            field.append(char)
        at += 1
    if field or record:
        records.append(record + ["".join(field)])
    return records


def typed(value):
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value or None
