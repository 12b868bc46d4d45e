"""A scripted Messages API on loopback: what the real client talks to in place of the paid one.

Owns: answering requests from a script, and remembering exactly what was asked (`Api.seen`), because
the model of a request is the one thing no hook and no transcript can embellish.
Never: opens anything but 127.0.0.1, or decides whether a test passed.

A script says who is answered how:

    Script(
        prompts={"find the port": [spawn("Look for the port", key="PORT"), "done"]},
        agents={"PORT": ["it is in src/net.py:3"]},
    )

`prompts` answers the orchestrator: the newest user message that holds one of the keys selects the
list, and the number of assistant messages after it selects the entry (past the end: the last one).
`agents` answers subagents alike, by a word of the task they were given. An entry is a text, a list
of blocks, a `Reply`, or a function of the request that gives one of these.
"""

import itertools
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NOTIFICATION = "<task-notification>"
# Every token kind is there, so that a price that forgets one cannot come out right.
USAGE = {
    "input_tokens": 900,
    "cache_creation_input_tokens": 400,
    "cache_read_input_tokens": 2000,
    "output_tokens": 60,
    "service_tier": "standard",
}
# Seconds before every answer. The client writes its transcript up to 0.1 s late, which no hook would notice
# behind a real API; an answer in a millisecond would show hooks a state that no user ever has.
LATENCY = 0.15
_ids = itertools.count(1)


@dataclass
class Reply:
    """One scripted answer; `delay` beyond the usual latency and `pause` between its blocks in seconds,
    `error` as (HTTP status, type, message), `model` when another one answers than was asked."""

    blocks: list
    usage: dict = field(default_factory=dict)
    delay: float = 0.0
    pause: float = 0.0
    error: tuple | None = None
    model: str | None = None


def call(name, **arguments):
    """A tool_use block."""
    return {"type": "tool_use", "id": f"toolu_e2e{next(_ids):020d}", "name": name, "input": arguments}


def thought(text):
    """A thinking block: makes the client split one message over several transcript lines."""
    return {"type": "thinking", "thinking": text, "signature": "ZTJl"}


def spawn(task, agent="general-purpose", background=False, **more):
    """An Agent call. `background=None` leaves the key out, as an orchestrator usually does."""
    arguments = {"description": " ".join(task.split()[:4]), "prompt": task, "subagent_type": agent, **more}
    if background is not None:
        arguments["run_in_background"] = background
    return call("Agent", **arguments)


def http_error(status, kind, message):
    """An API error in place of an answer."""
    return Reply([], error=(status, kind, message))


@dataclass
class Script:
    """Who is answered how; see the head of this file. `side` answers the client's own small requests."""

    prompts: dict = field(default_factory=dict)
    agents: dict = field(default_factory=dict)
    side: object = "ok"


@dataclass
class Seen:
    """One request that arrived. `kind`: main, agent or side; `key`: the script's key that answered it."""

    number: int
    kind: str
    key: str | None
    step: int
    model: str
    agent: str | None
    body: dict
    status: int = 200

    @property
    def family(self):
        """haiku, sonnet, opus, fable, or the whole id."""
        return next((f for f in ("haiku", "sonnet", "opus", "fable") if f in self.model), self.model)

    def text(self):
        """All that the model would read in the messages, hooks' context included."""
        return "\n".join(plain(m.get("content"), results=True) for m in self.body.get("messages", []))


def plain(content, results=False):
    """The text of a message's content; tool results only when asked for."""
    if isinstance(content, str):
        return content
    parts = []
    for block in content or []:
        if block.get("type") == "text":
            parts.append(block["text"])
        elif block.get("type") == "tool_result" and results:
            parts.append(plain(block.get("content"), results))
    return "\n".join(parts)


class Api:
    """The server. Use as a context manager; `url` is where it listens."""

    def __init__(self, script=None):
        self.script = script or Script()
        self.seen: list[Seen] = []
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        handler = type("Handler", (_Handler,), {"api": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def main(self):
        """The orchestrator's requests."""
        return [s for s in list(self.seen) if s.kind == "main"]

    def agent(self, key):
        """The requests of the subagents whose task holds that key."""
        return [s for s in list(self.seen) if s.kind == "agent" and s.key == key]

    def families(self, key):
        """Which model families the subagents of that key really asked for, without repeats."""
        return sorted({s.family for s in self.agent(key)})

    def wait(self, condition: Callable[["Api"], object], seconds):
        """Waits until the condition on this object holds; false when it did not in time."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not condition(self):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self.changed.wait(min(left, 0.5))
        return True

    def answer(self, body, agent):
        """Files the request and gives (Seen, Reply)."""
        kind, key, step, entry = self._choose(body, agent)
        with self.changed:
            seen = Seen(len(self.seen) + 1, kind, key, step, body.get("model") or "", agent, body)
            self.seen.append(seen)
        reply = entry(seen) if callable(entry) else entry
        if isinstance(reply, str):
            reply = Reply([{"type": "text", "text": reply}])
        elif isinstance(reply, dict):
            reply = Reply([reply])
        elif isinstance(reply, list):
            reply = Reply([{"type": "text", "text": b} if isinstance(b, str) else b for b in reply])
        if reply.error:
            seen.status = reply.error[0]
        return seen, reply

    def answered(self):
        """Wakes those who wait: an answer has gone out."""
        with self.changed:
            self.changed.notify_all()

    def _choose(self, body, agent):
        messages = body.get("messages") or []
        tools = {t.get("name") for t in body.get("tools") or []}
        if agent is None and not tools & {"Agent", "Task"}:
            return "side", None, 0, self.script.side
        kind, table = ("agent", self.script.agents) if agent else ("main", self.script.prompts)
        # A subagent is known by its task, which comes first; the orchestrator by its newest prompt.
        order = range(len(messages)) if agent else reversed(range(len(messages)))
        for index in order:
            if messages[index].get("role") != "user":
                continue
            text = plain(messages[index].get("content"))
            for key, entries in table.items():
                if key in text:
                    step = sum(m.get("role") == "assistant" for m in messages[index:])
                    return kind, key, step, entries[min(step, len(entries) - 1)]
        return kind, None, 0, "nothing is scripted for this"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: Api

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self._body()
        route = self.path.split("?")[0]
        if route == "/v1/messages":
            seen, reply = self.api.answer(body, self.headers.get("x-claude-code-agent-id"))
            try:
                self._reply(body, seen, reply)
            except ConnectionError:
                pass  # The client went away: whoever asked was stopped.
            finally:
                self.api.answered()
        elif route == "/v1/messages/count_tokens":
            self._json(200, {"input_tokens": len(json.dumps(body)) // 4})
        else:
            self._error(404, "not_found_error", "no such route")

    def do_GET(self):
        if self.path.startswith("/v1/models"):
            self._json(200, {"data": [], "has_more": False, "first_id": None, "last_id": None})
        else:
            self._error(404, "not_found_error", "no such route")

    def do_HEAD(self):
        self.send_response(404)
        self.send_header("content-length", "0")
        self.end_headers()

    def _body(self):
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            return json.loads(raw)
        except ValueError:
            return {}

    def _reply(self, body, seen, reply):
        time.sleep(LATENCY + reply.delay)
        if reply.error:
            self._error(*reply.error)
            return
        usage = {**USAGE, **reply.usage}
        calls_a_tool = any(b["type"] == "tool_use" for b in reply.blocks)
        message = {
            "id": f"msg_e2e{next(_ids):020d}",
            "type": "message",
            "role": "assistant",
            "model": reply.model or seen.model,
            "content": reply.blocks,
            "stop_reason": "tool_use" if calls_a_tool else "end_turn",
            "stop_sequence": None,
            "usage": usage,
        }
        if body.get("stream"):
            self._stream(message, reply.pause)
        else:
            self._json(200, message)

    def _stream(self, message, pause):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("request-id", message["id"].replace("msg", "req"))
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        for part in _parts(message):
            self.wfile.write(part.encode())
            self.wfile.flush()
            time.sleep(pause)

    def _error(self, status, kind, message):
        self._json(status, {"type": "error", "error": {"type": kind, "message": message}})

    def _json(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.send_header("request-id", f"req_e2e{next(_ids):020d}")
        self.end_headers()
        self.wfile.write(data)


def _parts(message):
    """The server-sent events of one message, a part per block: a block is an empty shell and its deltas."""

    def event(kind, **rest):
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **rest})}\n\n"

    opening = {**message, "content": [], "stop_reason": None}
    opening["usage"] = {**message["usage"], "output_tokens": 1}
    part = event("message_start", message=opening)
    for index, block in enumerate(message["content"]):
        shell, deltas = _unfolded(block)
        part += event("content_block_start", index=index, content_block=shell)
        part += "".join(event("content_block_delta", index=index, delta=delta) for delta in deltas)
        yield part + event("content_block_stop", index=index)
        part = ""
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    part += event("message_delta", delta=delta, usage={"output_tokens": message["usage"]["output_tokens"]})
    yield part + event("message_stop")


def _unfolded(block):
    """(the empty shell of a block, the deltas that fill it)."""
    if block["type"] == "tool_use":
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
    if block["type"] == "thinking":
        return {"type": "thinking", "thinking": "", "signature": ""}, [
            {"type": "thinking_delta", "thinking": block["thinking"]},
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    return {"type": "text", "text": ""}, [{"type": "text_delta", "text": block["text"]}]
