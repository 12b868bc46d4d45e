#!/usr/bin/env python3
"""A hosted service on loopback that plays a script, one step per call of chat/completions; the last step repeats.

usage: server.py [--script JSON|@FILE] [--latency SECONDS] [--log FILE] [--rpm N --tpm N] [--models JSON] [--key KEY]

When a step of the script has "when", calls are matched rather than counted, so that they may come in any order and at once:
a call is answered by the first step that fits and is not used up, and with status 500 when none does. Of such a script a step has
  when     texts that all stand in the call's messages; without it the step fits every call
  once     true: the step is used up by its first call; else it repeats

Prints its base URL, then serves until stdin ends. A step is an object with "do":
  answer   files {path: content}, form tagged|legacy|fence|text, text, sse (default true), finish, model, usage, reasoning,
           think, latency (seconds, else that of the command line), tokens (pads the usage),
           named (only these paths of `files` of an earlier step)
  review   the judge's items, all yes, but for answers {item: [answer, place]}; abstractions, bad_names, issues
  status   status, headers, body
  raw      head (text), body (text or {"repeat": text, "times": n}), gzip (bytes of zeros inside), then cut|stall|end
  events   a list of texts, each sent as it is; pause between them; then cut|stall|end
Every request goes to the log as one JSON line, its headers with it, so that a test can look for what must not be there.
With --rpm/--tpm it keeps a rate limit as the real one does: charged up front with prompt and bound, refilled all the time.
"""

import argparse
import gzip
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ARGS = None
LOCK = threading.Lock()
STATE = {"calls": 0, "used": set()}


class Limit:
    """A bucket that refills continuously over a minute."""

    def __init__(self, most):
        self.most, self.left, self.at = most, float(most), time.monotonic()

    def refill(self):
        now = time.monotonic()
        self.left = min(self.most, self.left + self.most * (now - self.at) / 60)
        self.at = now

    def reset(self):
        return (self.most - self.left) * 60 / self.most


def blocks(step, asked):
    """The text of an answer with files, in the form that the step wants."""
    files, form = step.get("files", {}), step.get("form", "tagged")
    if form == "text":
        return step.get("text", "")
    found = re.search(r"<FILE-([A-Za-z0-9]+)", json.dumps(asked))
    tag = "FILE-" + found.group(1) if found and form == "tagged" else "FILE"
    out = [step.get("text", "")] if step.get("text") else []
    for path, content in files.items():
        if form == "fence":
            out.append(f"### FILE: {path}\n```\n{content}```\n")
        else:
            out.append(f'<{tag} path="{path}">\n{content}</{tag}>\n')
    return "".join(out)


def said(body):
    """The text of all messages of a call."""
    parts = []
    for message in body["messages"]:
        content = message.get("content") or ""
        parts += [content] if isinstance(content, str) else [part.get("text", "") for part in content]
    return "\n".join(parts)


def choose(steps, body):
    """The step that answers a call, or None. The caller holds LOCK."""
    number = STATE["calls"]
    if not any("when" in step for step in steps):
        return steps[min(number, len(steps) - 1)]
    text = said(body)
    for place, step in enumerate(steps):
        if place in STATE["used"] or not all(words in text for words in step.get("when", [])):
            continue
        if step.get("once"):
            STATE["used"].add(place)
        return step
    return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, body):
        line = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body, "at": time.time()}
        if ARGS.log:
            with LOCK, open(ARGS.log, "a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")

    def plain(self, status, body, headers=None):
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, str(value))
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.note(None)
        if ARGS.key and "/public/" not in self.path and self.headers.get("authorization") != f"Bearer {ARGS.key}":
            return self.plain(401, json.dumps({"message": f"Wrong key: {self.headers.get('authorization')}", "type": "t", "code": "wrong_api_key"}))
        models = json.loads(ARGS.models)
        if "/public/" in self.path and not any("pricing" in model for model in models):
            return self.plain(404, "{}")
        return self.plain(200, json.dumps({"object": "list", "data": models}))

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        self.note(body)
        with LOCK:
            refused, headers = self.charge(body)
            if not refused:
                step = choose(ARGS.script, body)
                STATE["calls"] += 1
        if refused:
            return self.plain(429, json.dumps({"message": refused, "type": "too_many_tokens_error", "param": "quota", "code": "token_quota_exceeded"}), headers)
        if step is None:
            why = f"no step of the script fits this call: {said(body)[:400]}"
            return self.plain(500, json.dumps({"message": why, "type": "script", "code": "no_step"}), headers)
        time.sleep(step.get("latency", ARGS.latency))
        try:
            getattr(self, "play_" + step["do"])(step, body, headers)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def charge(self, body):
        """Why the call is refused, if it is, and the headers that say what is left."""
        if not ARGS.tpm:
            return None, {}
        limits = STATE.setdefault("limits", (Limit(ARGS.rpm), Limit(ARGS.tpm)))
        requests, tokens = limits
        requests.refill()
        tokens.refill()
        wanted = sum(len(message["content"]) for message in body["messages"]) // 4 + body.get("max_completion_tokens", ARGS.tpm)
        refused = "Requests per minute" if requests.left < 1 else "Tokens per minute" if tokens.left < wanted else None
        if refused:
            refused += " limit exceeded - too many of them"
        else:
            requests.left -= 1
            tokens.left -= wanted
        headers = {}
        for name, limit in (("requests", requests), ("tokens", tokens)):
            headers[f"x-ratelimit-limit-{name}-minute"] = limit.most
            headers[f"x-ratelimit-remaining-{name}-minute"] = int(limit.left)
            headers[f"x-ratelimit-reset-{name}-minute"] = round(limit.reset(), 9)
        return refused, headers

    def play_answer(self, step, body, headers):
        text = blocks(step, body)
        if step.get("think"):
            text = f"<think>{step['think']}</think>\n{text}"
        finish = step.get("finish", "stop")
        used = step.get("usage", {
            "prompt_tokens": sum(len(message["content"]) for message in body["messages"]) // 4,
            "completion_tokens": step.get("tokens", len(text) // 4 + len(step.get("reasoning", "")) // 4),
            "completion_tokens_details": {"reasoning_tokens": len(step.get("reasoning", "")) // 4},
        })
        model = step.get("model", body["model"])
        if not step.get("sse", True):
            message = {"role": "assistant", "content": step.get("content", text)}
            if step.get("reasoning"):
                message["reasoning"] = step["reasoning"]
            answer = {"id": "c", "object": "chat.completion", "model": model, "usage": used,
                      "choices": [{"index": 0, "finish_reason": finish, "message": message}], "time_info": {"total_time": 0.01}}
            return self.plain(200, json.dumps(answer), headers)
        deltas = [{"role": "assistant"}]
        deltas += [{"reasoning": step["reasoning"]}] if step.get("reasoning") else []
        deltas += [{"content": text[at:at + 200]} for at in range(0, len(text), 200)]
        self.begin("text/event-stream", headers)
        for delta in deltas:
            self.event({"model": model, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            time.sleep(step.get("pause", 0))
        self.event({"model": model, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}], "usage": used, "time_info": {"total_time": 0.01}})
        self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")

    def play_review(self, step, body, headers):
        """Every item of the judge's schema answered: yes at the first line, unless `answers` says {item: [answer, place]}."""
        schema = body["response_format"]["json_schema"]["schema"]["properties"]
        first = re.search(r"^--- (\S+) \(", body["messages"][-1]["content"], re.M).group(1)
        said = step.get("answers", {})

        def item(name):
            answer, place = said.get(name, ["yes", f"{first}:1"])
            return {"answer": answer, "place": place, "why": "as it stands there"}

        answer = {
            "items": {name: item(name) for name in schema["items"]["properties"]},
            "flags": {name: {"severity": "none", "place": "", "why": ""} for name in schema["flags"]["properties"]},
            "abstractions": step.get("abstractions", []),
            "bad_names": step.get("bad_names", []),
            "issues": step.get("issues", []),
        }
        self.play_answer({**step, "form": "text", "text": json.dumps(answer)}, body, headers)

    def play_status(self, step, body, headers):
        answer = step.get("body", "")
        if step.get("echo"):
            answer = json.dumps({"message": f"bad header {self.headers.get('authorization')}", "type": "t", "code": "c"})
        self.plain(step["status"], answer if isinstance(answer, str) else json.dumps(answer), {**headers, **step.get("headers", {})})

    def play_raw(self, step, body, headers):
        data = step.get("body", "")
        self.wfile.write(step["head"].replace("\n", "\r\n").encode() + b"\r\n\r\n")
        if "gzip" in step:
            self.wfile.write(gzip.compress(b"\0" * step["gzip"]))
        elif isinstance(data, dict):
            for _ in range(data["times"]):
                self.wfile.write(data["repeat"].encode())
        else:
            self.wfile.write(data.encode())
        self.end(step.get("then", "cut"))

    def play_events(self, step, body, headers):
        self.begin("text/event-stream", headers)
        for event in step["events"]:
            self.chunk(event.encode())
            time.sleep(step.get("pause", 0))
        if step.get("then", "end") == "end":
            self.chunk(b"")
        else:
            self.end(step["then"])

    def begin(self, kind, headers):
        self.send_response(200)
        for name, value in {"content-type": kind, "transfer-encoding": "chunked", **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def event(self, value):
        self.chunk(f"data: {json.dumps(value)}\n\n".encode())

    def end(self, how):
        self.wfile.flush()
        self.close_connection = True
        if how == "stall":
            # Until the client has gone, or the test has.
            self.connection.settimeout(600)
            self.rfile.read(1)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        """A client that has gone is what many scripts are about."""


def main():
    global ARGS
    parser = argparse.ArgumentParser()
    parser.add_argument("--script", default='[{"do": "answer", "files": {"hello.txt": "hello\\n"}}]')
    parser.add_argument("--latency", type=float, default=0)
    parser.add_argument("--log")
    parser.add_argument("--rpm", type=int, default=0)
    parser.add_argument("--tpm", type=int, default=0)
    parser.add_argument("--models", default='[{"id": "gpt-oss-120b"}, {"id": "qwen-3.8-27b"}]')
    parser.add_argument("--key")
    ARGS = parser.parse_args()
    if ARGS.script.startswith("@"):
        with open(ARGS.script[1:], encoding="utf-8") as script:
            ARGS.script = script.read()
    ARGS.script = json.loads(ARGS.script)
    server = Server(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
