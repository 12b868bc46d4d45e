"""A task list over HTTP. Each resource is a class with a method for each verb."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlparse

from numbering import Numbering


@dataclass
class Task:
    id: int
    title: str
    done: bool = False


class Problem(Exception):
    pass


class Board:
    def __init__(self):
        self.lock = threading.Lock()
        self.numbering = Numbering()
        self.tasks: list[Task] = []


class Tasks:
    def __init__(self, board):
        self.board = board

    def get(self, request):
        with self.board.lock:
            return HTTPStatus.OK, {"tasks": [asdict(task) for task in self.board.tasks]}

    def post(self, request):
        fields = request.fields()
        title, done = fields.get("title"), fields.get("done", False)
        if not isinstance(title, str) or not 0 < len(title.strip()) <= 200:
            raise Problem(HTTPStatus.BAD_REQUEST, "title must be 1 to 200 characters")
        if done is not True and done is not False:
            raise Problem(HTTPStatus.BAD_REQUEST, "done must be a boolean")
        with self.board.lock:
            task = Task(self.board.numbering.next(), title.strip(), done)
            self.board.tasks.append(task)
        return HTTPStatus.CREATED, asdict(task)


class OneTask:
    def __init__(self, board, identifier):
        self.board = board
        self.identifier = identifier

    def pick(self):
        for task in self.board.tasks:
            if str(task.id) == self.identifier:
                return task
        raise Problem(HTTPStatus.NOT_FOUND, "not found")

    def get(self, request):
        with self.board.lock:
            return HTTPStatus.OK, asdict(self.pick())

    def delete(self, request):
        with self.board.lock:
            self.board.tasks.remove(self.pick())
        return HTTPStatus.NO_CONTENT, None


class Reset:
    def __init__(self, board):
        self.board = board

    def post(self, request):
        with self.board.lock:
            self.board.tasks.clear()
            self.board.numbering.restart()
        return HTTPStatus.NO_CONTENT, None


def resource(board, path):
    match path.split("/")[1:]:
        case ["tasks"]:
            return Tasks(board)
        case ["tasks", identifier]:
            return OneTask(board, identifier)
        case ["reset"]:
            return Reset(board)
    raise Problem(HTTPStatus.NOT_FOUND, "not found")


class Request(BaseHTTPRequestHandler):
    def fields(self):
        size = int(self.headers.get("Content-Length", "0"))
        if size > 2**16:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body too large")
        try:
            value = json.loads(self.rfile.read(size).decode())
        except ValueError:
            value = None
        if isinstance(value, dict):
            return value
        raise Problem(HTTPStatus.BAD_REQUEST, "body must be a JSON object")

    def handle_verb(self):
        try:
            handler = getattr(resource(self.server.board, urlparse(self.path).path), self.command.lower(), None)
            if handler is None:
                raise Problem(HTTPStatus.NOT_FOUND, "not found")
            status, body = handler(self)
        except Problem as problem:
            status, body = problem.args[0], {"error": problem.args[1]}
        self.send_response(status)
        if body is None:
            self.end_headers()
            return
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.handle_verb
        raise AttributeError(name)

    def log_message(self, *args):
        pass


def make_server(host="127.0.0.1", port=0):
    server = ThreadingHTTPServer((host, port), Request)
    server.board = Board()
    return server
