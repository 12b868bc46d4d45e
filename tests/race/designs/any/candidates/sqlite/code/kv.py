"""A key-value store in one SQLite table; SQLite keeps it whole and lets several processes in."""

import sqlite3

MOST_KEY_CHARACTERS = 200
MOST_VALUE_CHARACTERS = 1_000_000
BUSY_SECONDS = 30
TABLE = "CREATE TABLE IF NOT EXISTS pairs (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"


class StoreError(Exception):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def open_store(path: str) -> "Store":
    database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        database.execute("PRAGMA synchronous = FULL")
        database.execute(TABLE)
    except sqlite3.DatabaseError as error:
        database.close()
        raise StoreError(path, "not a store") from error
    return Store(path, database)


class Store:
    def __init__(self, path: str, database: sqlite3.Connection) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = database

    def get(self, key: str) -> str | None:
        _check_key(key)
        row = self._run("SELECT value FROM pairs WHERE key = ?", key).fetchone()
        return row[0] if row else None

    def set(self, key: str, value: str) -> None:
        _check_key(key)
        if len(value) > MOST_VALUE_CHARACTERS:
            raise ValueError("value is too long")
        self._run("INSERT OR REPLACE INTO pairs VALUES (?, ?)", key, value)

    def delete(self, key: str) -> bool:
        _check_key(key)
        return self._run("DELETE FROM pairs WHERE key = ?", key).rowcount == 1

    def keys(self) -> list[str]:
        return [key for (key,) in self._run("SELECT key FROM pairs ORDER BY key")]

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _run(self, statement: str, *values: str) -> sqlite3.Cursor:
        if self._database is None:
            raise StoreError(self._path, "closed")
        try:
            return self._database.execute(statement, values)
        except sqlite3.DatabaseError as error:
            raise StoreError(self._path, "not a store") from error


def _check_key(key: str) -> None:
    if not 1 <= len(key) <= MOST_KEY_CHARACTERS:
        raise ValueError("key must be 1 to 200 characters")
