# The task board of the office, served over HTTP from memory.

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypedDict
from urllib.parse import parse_qs, urlsplit

from numbering import Numbering

BODY_LIMIT = 65_536
TITLE_LIMIT = 200
DONE_WORDS = {"true": True, "false": False}


class Task(TypedDict):
    id: int
    title: str
    done: bool


class HttpProblem(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Board:
    def __init__(self) -> None:
        self._items: dict[int, Task] = {}
        self._sequence = Numbering()
        self._mutex = threading.Lock()

    def add(self, title: str, done: bool) -> Task:
        with self._mutex:
            task = Task(id=self._sequence.next(), title=title, done=done)
            self._items[task["id"]] = task
            return task

    def everything(self) -> list[Task]:
        with self._mutex:
            return list(self._items.values())

    def find(self, task_id: int) -> Task:
        with self._mutex:
            if task_id not in self._items:
                raise HttpProblem(404, "not found")
            return self._items[task_id]

    def remove(self, task_id: int) -> None:
        with self._mutex:
            if self._items.pop(task_id, None) is None:
                raise HttpProblem(404, "not found")

    def clear(self) -> None:
        with self._mutex:
            self._items.clear()
            self._sequence.restart()


class Api(BaseHTTPRequestHandler):
    board: Board

    def answer(self) -> None:
        try:
            code, body = self.route()
        except HttpProblem as problem:
            code, body = problem.code, {"error": str(problem)}
        encoded = b"" if body is None else json.dumps(body).encode()
        self.send_response(code)
        if encoded:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_: Any) -> None:
        pass

    def route(self) -> tuple[int, Any]:
        path = urlsplit(self.path).path
        for shape, verbs in TABLE:
            found = shape.fullmatch(path)
            if found is None:
                continue
            if self.command not in verbs:
                raise HttpProblem(405, "method not allowed")
            return verbs[self.command](self, *map(int, found.groups()))
        raise HttpProblem(404, "not found")

    def create(self) -> tuple[int, Any]:
        body = self.json_body()
        title = body.get("title")
        title = title.strip() if isinstance(title, str) else ""
        if not 1 <= len(title) <= TITLE_LIMIT:
            raise HttpProblem(400, "title must be 1 to 200 characters")
        done = body.get("done", False)
        if not isinstance(done, bool):
            raise HttpProblem(400, "done must be a boolean")
        return 201, self.board.add(title, done)

    def list(self) -> tuple[int, Any]:
        tasks = self.board.everything()
        chosen = parse_qs(urlsplit(self.path).query, keep_blank_values=True).get("done")
        if chosen is not None:
            if chosen[-1] not in DONE_WORDS:
                raise HttpProblem(400, "done must be true or false")
            tasks = [task for task in tasks if task["done"] == DONE_WORDS[chosen[-1]]]
        return 200, {"tasks": tasks}

    def show(self, task_id: int) -> tuple[int, Any]:
        return 200, self.board.find(task_id)

    def delete(self, task_id: int) -> tuple[int, Any]:
        self.board.remove(task_id)
        return 204, None

    def reset(self) -> tuple[int, Any]:
        self.board.clear()
        return 204, None

    def json_body(self) -> dict[str, Any]:
        size = int(self.headers.get("Content-Length") or 0)
        if size > BODY_LIMIT:
            raise HttpProblem(413, "body too large")
        try:
            body = json.loads(self.rfile.read(size))
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise HttpProblem(400, "body must be a JSON object")
        return body


TABLE = [
    (re.compile("/tasks"), {"GET": Api.list, "POST": Api.create}),
    (re.compile(r"/tasks/([0-9]+)"), {"GET": Api.show, "DELETE": Api.delete}),
    (re.compile("/reset"), {"POST": Api.reset}),
]


def make_server(host: str = "127.0.0.1", port: int = 0) -> ThreadingHTTPServer:
    class OwnApi(Api):
        board = Board()

    return ThreadingHTTPServer((host, port), OwnApi)
