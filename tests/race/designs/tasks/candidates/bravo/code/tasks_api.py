"""Tasks server."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote
from numbering import Numbering


def make_server(host="127.0.0.1", port=0):
    d = {}
    g = Numbering()
    m = threading.RLock()

    class H(BaseHTTPRequestHandler):
        def log_message(self, format, *args):
            return

        def do_GET(self):
            p = self.path.split("?")[0]
            q = ""
            if "?" in self.path:
                q = self.path.split("?", 1)[1]
            s = p.split("/")
            if len(s) == 2 and s[1] == "tasks":
                w = None
                for k, v in parse_qsl(q, keep_blank_values=True):
                    if k == "done":
                        if v == "true":
                            w = True
                        elif v == "false":
                            w = False
                        else:
                            b = json.dumps({"error": "done must be true or false"}).encode("utf-8")
                            self.send_response(400)
                            self.send_header("Content-Type", "application/json")
                            self.send_header("Content-Length", str(len(b)))
                            self.end_headers()
                            self.wfile.write(b)
                            return
                with m:
                    r = []
                    for i in sorted(d):
                        if w is None:
                            r.append(d[i])
                        else:
                            if w == d[i]["done"]:
                                r.append(d[i])
                b = json.dumps({"tasks": r}).encode("utf-8")
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(b)))
                self.end_headers()
                self.wfile.write(b)
            else:
                if len(s) == 3 and s[1] == "tasks" and s[2].isdigit() and len(s[2]) < 19:
                    with m:
                        t = d.get(int(s[2]))
                    if t is not None:
                        b = json.dumps(t).encode("utf-8")
                        self.send_response(200)
                        self.send_header("Content-Type", "application/json")
                        self.send_header("Content-Length", str(len(b)))
                        self.end_headers()
                        self.wfile.write(b)
                    else:
                        b = json.dumps({"error": "not found"}).encode("utf-8")
                        self.send_response(404)
                        self.send_header("Content-Type", "application/json")
                        self.send_header("Content-Length", str(len(b)))
                        self.end_headers()
                        self.wfile.write(b)
                else:
                    if len(s) == 2 and s[1] == "reset":
                        b = json.dumps({"error": "method not allowed"}).encode("utf-8")
                        self.send_response(405)
                        self.send_header("Content-Type", "application/json")
                        self.send_header("Content-Length", str(len(b)))
                        self.end_headers()
                        self.wfile.write(b)
                    else:
                        b = json.dumps({"error": "not found"}).encode("utf-8")
                        self.send_response(404)
                        self.send_header("Content-Type", "application/json")
                        self.send_header("Content-Length", str(len(b)))
                        self.end_headers()
                        self.wfile.write(b)

        def do_POST(self):
            p = self.path.split("?")[0]
            s = p.split("/")
            e = None
            c = 400
            if len(s) == 2 and s[1] == "tasks":
                n = int(self.headers.get("Content-Length") or "0")
                if n <= 65536:
                    x = self.rfile.read(n)
                    try:
                        o = json.loads(x.decode("utf-8"))
                    except Exception:
                        o = None
                    if type(o) is dict:
                        t = o.get("title")
                        if type(t) is str and len(t.strip()) >= 1 and len(t.strip()) <= 200:
                            f = False
                            if "done" in o:
                                f = o["done"]
                            if f in (True, False):
                                with m:
                                    i = g.next()
                                    d[i] = {"id": i, "title": t, "done": f}
                                b = json.dumps(d[i]).encode("utf-8")
                                self.send_response(201)
                                self.send_header("Content-Type", "application/json")
                                self.send_header("Content-Length", str(len(b)))
                                self.end_headers()
                                self.wfile.write(b)
                            else:
                                e = "done must be a boolean"
                        else:
                            e = "title must be 1 to 200 characters"
                    else:
                        e = "body must be a JSON object"
                else:
                    e = "body too large"
                    c = 413
            else:
                if len(s) == 2 and s[1] == "reset":
                    with m:
                        d.clear()
                    self.send_response(204)
                    self.end_headers()
                else:
                    if len(s) == 3 and s[1] == "tasks" and s[2].isdigit():
                        e = "method not allowed"
                        c = 405
                    else:
                        e = "not found"
                        c = 404
            if e is not None:
                b = json.dumps({"error": e}).encode("utf-8")
                self.send_response(c)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(b)))
                self.end_headers()
                self.wfile.write(b)

        def do_DELETE(self):
            p = self.path.split("?")[0]
            s = p.split("/")
            if len(s) == 3 and s[1] == "tasks" and s[2].isdigit() and len(s[2]) < 19:
                with m:
                    t = d.pop(int(s[2]), None)
                if t is not None:
                    self.send_response(204)
                    self.end_headers()
                else:
                    b = json.dumps({"error": "not found"}).encode("utf-8")
                    self.send_response(404)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(b)))
                    self.end_headers()
                    self.wfile.write(b)
            else:
                self.refuse(s)

        def do_PUT(self):
            self.refuse(self.path.split("?")[0].split("/"))

        def do_PATCH(self):
            self.refuse(self.path.split("?")[0].split("/"))

        def refuse(self, s):
            if len(s) == 2 and s[1] in ("tasks", "reset") or len(s) == 3 and s[1] == "tasks" and s[2].isdigit():
                b = json.dumps({"error": "method not allowed"}).encode("utf-8")
                self.send_response(405)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(b)))
                self.end_headers()
                self.wfile.write(b)
            else:
                b = json.dumps({"error": "not found"}).encode("utf-8")
                self.send_response(404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(b)))
                self.end_headers()
                self.wfile.write(b)

    return ThreadingHTTPServer((host, port), H)


def format_task(t):
    """Task as one line of text."""
    z = " "
    if t["done"]:
        z = "x"
    return "[" + z + "] " + unquote(t["title"])


class Task(dict):
    pass
