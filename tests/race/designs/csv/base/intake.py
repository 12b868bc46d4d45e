"""Reads what a partner sent, within a bound."""

MOST_BYTES = 16 << 20


def read(path: str, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file. Raises ValueError when there are more than `most`."""
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"{path}: more than {most} bytes")
    return data
