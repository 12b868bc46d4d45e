"""Makes captured payloads fit to be kept: nothing of this machine in them, the same words every time, one of each kind.

Owns: what is replaced by what, a payload's name, its fields, and how two clients differ. All of it is pure.
"""

import re

UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
AGENT = re.compile(r"\ba[0-9a-f]{16}\b")
CALL = re.compile(r"\b(toolu|msg|req)_e2e\d{20}\b")
TIME = re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")
TAGGED = re.compile(r"<(duration_ms)>\d+<")
# What the clock decides; tokens come from the script.
CLOCKED = re.compile(r"(_ms|Ms|_seconds|^seconds_since_last_response|_at|At|timestamp)$")
DURATION = 1234


class Scrubber:
    """Replaces names by numbered ones; the same name by the same number wherever it stands in one client's payloads."""

    def __init__(self, roots):
        self.names = {}
        # The longest first: one may be the beginning of another.
        self.places = []
        for root in sorted(map(str, roots), key=len, reverse=True):
            for place, instead in ((f"{root}/home", "/home/user"), (root, "/scratch")):
                self.places += [(place, instead), (encoded(place), encoded(instead))]

    def value(self, value, key=""):
        """A payload, or a part of it, without anything of this machine."""
        if isinstance(value, dict):
            return {self.text(k): self.value(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self.value(v, key) for v in value]
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and CLOCKED.search(key):
            return DURATION
        return value

    def text(self, text):
        for place, instead in self.places:
            text = text.replace(place, instead)
        text = re.sub(r"/tmp/claude-\d+", "/tmp/claude", text)
        text = UUID.sub(lambda m: self.numbered(m[0], "00000000-0000-4000-8000-{:012}"), text)
        text = AGENT.sub(lambda m: self.numbered(m[0], "a{:016}"), text)
        text = CALL.sub(lambda m: self.numbered(m[0], m[1] + "_{:020}"), text)
        text = TIME.sub("2026-01-01T00:00:00.000Z", text)
        return TAGGED.sub(rf"<\1>{DURATION}<", text)

    def numbered(self, name, form):
        return self.names.setdefault(name, form.format(sum(n.startswith(form[:3]) for n in self.names.values()) + 1))


def encoded(path):
    """A path as the client makes a folder's name of it."""
    return re.sub(r"[/_.]", "-", path)


def label(payload):
    """A payload's kind: the event, and what tells its kinds apart."""
    parts = [payload.get("hook_event_name", "none")]
    response = payload.get("tool_response")
    prompt = payload.get("prompt")
    for word in (
        payload.get("tool_name"),
        response.get("status") if isinstance(response, dict) else None,
        payload.get("source") if parts[0] == "SessionStart" else None,
        payload.get("reason") if parts[0] == "SessionEnd" else None,
        payload.get("trigger"),
        payload.get("notification_type"),
        "notification" if isinstance(prompt, str) and prompt.startswith("<task-notification>") else None,
        "inside" if payload.get("agent_id") and not parts[0].startswith("Subagent") else None,
        "internal" if payload.get("agent_type") == "" else None,
    ):
        if isinstance(word, str):
            parts.append(re.sub(r"[^A-Za-z0-9_-]+", "-", word))
    return ".".join(parts)


def fields(value, path=""):
    """The paths of all fields, each with its type; the elements of a list count as one."""
    if isinstance(value, dict):
        return {pair for k, v in value.items() for pair in {(f"{path}{k}", kind(v))} | fields(v, f"{path}{k}.")}
    if isinstance(value, list):
        return {pair for v in value for pair in fields(v, f"{path[:-1]}[].")}
    return set()


def kind(value):
    """A value's JSON type."""
    names = {dict: "object", list: "list", str: "text", bool: "bool", type(None): "null"}
    return names.get(type(value), "number")


def one_of_each(payloads):
    """(name, payload) for the first payload of every kind and every set of fields, in a stable order."""
    chosen = {}
    for mode, payload in payloads:
        shape = frozenset(fields(payload))
        kinds = chosen.setdefault(label(payload), {})
        kinds.setdefault(shape, (mode, payload))
    for base, kinds in sorted(chosen.items()):
        taken = set()
        for mode, payload in kinds.values():
            name = base if not taken else f"{base}.{mode}"
            number = 2
            while name in taken:
                name, number = f"{base}.{mode}-{number}", number + 1
            taken.add(name)
            yield name, payload


def differences(old, new):
    """What differs between two clients, one line each. Both: {"client": ..., "payloads": [payload, ...]}."""
    lines = []
    for what in ("events", "tools_print", "tools_tui", "agent_print", "agent_tui"):
        before, after = old["client"].get(what, []), new["client"].get(what, [])
        lines += [f"- {what}: {name}" for name in before if name not in after]
        lines += [f"+ {what}: {name}" for name in after if name not in before]
        if isinstance(before, dict) and isinstance(after, dict):
            both = [name for name in before if name in after and before[name] != after[name]]
            lines += [f"~ {what}: {name} was {before[name]}, is {after[name]}" for name in both]
    kinds = [joined(side["payloads"]) for side in (old, new)]
    for name in sorted({*kinds[0], *kinds[1]}):
        if name not in kinds[1] or name not in kinds[0]:
            lines.append(f"{'-' if name in kinds[0] else '+'} {name}")
            continue
        before, after = (types(side[name]) for side in kinds)
        lines += [f"- {name}: {path} ({before[path]})" for path in sorted({*before} - {*after})]
        lines += [f"+ {name}: {path} ({after[path]})" for path in sorted({*after} - {*before})]
        both = sorted({*before} & {*after})
        lines += [f"~ {name}: {p} was {before[p]}, is {after[p]}" for p in both if before[p] != after[p]]
    return lines


def joined(payloads):
    """The fields of every kind of payload."""
    kinds = {}
    for payload in payloads:
        kinds.setdefault(label(payload), set()).update(fields(payload))
    return kinds


def types(pairs):
    """Per path the types that it was seen with."""
    seen = {}
    for path, name in sorted(pairs):
        seen[path] = f"{seen[path]}|{name}" if path in seen else name
    return seen
