"""A key-value store in one JSON file: locked, written beside itself, and renamed into place."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

MOST_KEY_CHARACTERS = 200
MOST_VALUE_CHARACTERS = 1_000_000


class StoreError(Exception):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def open_store(path: str) -> "Store":
    store = Store(path)
    with store._locked(fcntl.LOCK_EX):
        if os.path.exists(path):
            store._read()
        else:
            store._write({})
    return store


class Store:
    def __init__(self, path: str) -> None:
        self._path = path
        self._closed = False

    def get(self, key: str) -> str | None:
        _check_key(key)
        with self._locked(fcntl.LOCK_SH):
            return self._read().get(key)

    def set(self, key: str, value: str) -> None:
        _check_key(key)
        if len(value) > MOST_VALUE_CHARACTERS:
            raise ValueError("value is too long")
        with self._locked(fcntl.LOCK_EX):
            self._write({**self._read(), key: value})

    def delete(self, key: str) -> bool:
        _check_key(key)
        with self._locked(fcntl.LOCK_EX):
            values = self._read()
            if key not in values:
                return False
            del values[key]
            self._write(values)
            return True

    def keys(self) -> list[str]:
        with self._locked(fcntl.LOCK_SH):
            return sorted(self._read())

    def close(self) -> None:
        self._closed = True

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Holds the lock, which is a file of its own because the store's file is replaced."""
        if self._closed:
            raise StoreError(self._path, "closed")
        with open(self._path + ".lock", "a") as lock:
            fcntl.flock(lock, how)
            yield

    def _read(self) -> dict[str, str]:
        try:
            with open(self._path, encoding="utf-8") as file:
                values = json.load(file)
        except ValueError as error:
            raise StoreError(self._path, "not a store") from error
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise StoreError(self._path, "not a store")
        return values

    def _write(self, values: dict[str, str]) -> None:
        fresh = self._path + ".new"
        with open(fresh, "w", encoding="utf-8") as file:
            json.dump(values, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self._path)
        folder = os.open(os.path.dirname(os.path.abspath(self._path)), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _check_key(key: str) -> None:
    if not 1 <= len(key) <= MOST_KEY_CHARACTERS:
        raise ValueError("key must be 1 to 200 characters")
