"""A task list over HTTP: GET, POST and DELETE on /tasks, POST on /reset."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Task(dict):
    """id, title, done."""


class Handler(BaseHTTPRequestHandler):
    tasks: list = []

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"tasks": self.tasks}).encode())

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        task = Task(id=len(self.tasks) + 1, title=body["title"], done=False)
        self.tasks.append(task)
        self.send_response(201)
        self.end_headers()
        self.wfile.write(json.dumps(task).encode())

    def do_DELETE(self):
        self.tasks.clear()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


def make_server(host="127.0.0.1", port=0):
    return ThreadingHTTPServer((host, port), Handler)
