"""Tasks over HTTP: a table of routes, a store behind one lock."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypedDict
from urllib.parse import parse_qs, urlsplit

from numbering import Numbering

MOST_BODY_BYTES = 65_536
MOST_TITLE_CHARACTERS = 200
FILTERS = {"true": True, "false": False}


class Task(TypedDict):
    id: int
    title: str
    done: bool


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Store:
    def __init__(self) -> None:
        self._tasks: dict[int, Task] = {}
        self._numbers = Numbering()
        self._lock = threading.Lock()

    def add(self, title: str, done: bool) -> Task:
        with self._lock:
            task = Task(id=self._numbers.next(), title=title, done=done)
            self._tasks[task["id"]] = task
            return task

    def all(self) -> list[Task]:
        with self._lock:
            return list(self._tasks.values())

    def find(self, number: int) -> Task:
        with self._lock:
            if number not in self._tasks:
                raise Refused(404, "not found")
            return self._tasks[number]

    def remove(self, number: int) -> None:
        with self._lock:
            if self._tasks.pop(number, None) is None:
                raise Refused(404, "not found")

    def clear(self) -> None:
        with self._lock:
            self._tasks.clear()
            self._numbers.restart()


def make_server(host: str = "127.0.0.1", port: int = 0) -> ThreadingHTTPServer:
    class BoundHandler(Handler):
        store = Store()

    return ThreadingHTTPServer((host, port), BoundHandler)


class Handler(BaseHTTPRequestHandler):
    store: Store

    def answer(self) -> None:
        try:
            status, body = self.dispatch()
        except Refused as refused:
            status, body = refused.status, {"error": str(refused)}
        payload = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if payload:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_: Any) -> None:
        pass

    def dispatch(self) -> tuple[int, Any]:
        path = urlsplit(self.path).path
        for pattern, methods in ROUTES:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            if self.command not in methods:
                raise Refused(405, "method not allowed")
            return methods[self.command](self, *map(int, match.groups()))
        raise Refused(404, "not found")

    def create(self) -> tuple[int, Any]:
        body = self.read_object()
        title = body.get("title")
        title = title.strip() if isinstance(title, str) else ""
        if not 1 <= len(title) <= MOST_TITLE_CHARACTERS:
            raise Refused(400, "title must be 1 to 200 characters")
        done = body.get("done", False)
        if not isinstance(done, bool):
            raise Refused(400, "done must be a boolean")
        return 201, self.store.add(title, done)

    def list(self) -> tuple[int, Any]:
        tasks = self.store.all()
        wanted = parse_qs(urlsplit(self.path).query, keep_blank_values=True).get("done")
        if wanted is not None:
            if wanted[-1] not in FILTERS:
                raise Refused(400, "done must be true or false")
            tasks = [task for task in tasks if task["done"] == FILTERS[wanted[-1]]]
        return 200, {"tasks": tasks}

    def show(self, number: int) -> tuple[int, Any]:
        return 200, self.store.find(number)

    def delete(self, number: int) -> tuple[int, Any]:
        self.store.remove(number)
        return 204, None

    def reset(self) -> tuple[int, Any]:
        self.store.clear()
        return 204, None

    def read_object(self) -> dict[str, Any]:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MOST_BODY_BYTES:
            raise Refused(413, "body too large")
        try:
            body = json.loads(self.rfile.read(length))
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Refused(400, "body must be a JSON object")
        return body


ROUTES = [
    (re.compile("/tasks"), {"GET": Handler.list, "POST": Handler.create}),
    (re.compile(r"/tasks/([0-9]+)"), {"GET": Handler.show, "DELETE": Handler.delete}),
    (re.compile("/reset"), {"POST": Handler.reset}),
]
