#!/usr/bin/env python3
"""Writes made-up Claude Code transcripts for timing `sef-stats`: transcript-corpus.py FOLDER MEGABYTES

FOLDER becomes a $CLAUDE_CONFIG_DIR. The mix of lines (answers split over two lines, tool results, snapshots,
attachments, one subagent file per session) follows real sessions; the same arguments give the same bytes.
"""
import json
import os
import random
import sys

WORDS = "the session store reads a line and \"usage\" of each file, then writes \\n back what it found in src/main.rs".split()
MODELS = ["claude-opus-5-5"] * 5 + ["claude-sonnet-5-5"] * 3 + ["claude-haiku-5-5"] * 4


def text(rng, size):
    start = rng.randrange(len(WORDS))
    return " ".join((WORDS[start:] + WORDS * (size // 90 + 1)))[:size]


def session(rng, root, number, target):
    sid = f"{number:08x}-0000-4000-8000-{rng.randrange(16 ** 12):012x}"
    folder = os.path.join(root, "projects", f"-home-user-project{number % 12}")
    os.makedirs(os.path.join(folder, sid, "subagents"), exist_ok=True)
    agent = f"a{rng.randrange(16 ** 16):016x}"
    files = [(os.path.join(folder, sid + ".jsonl"), False, target * 2 // 3),
             (os.path.join(folder, sid, "subagents", f"agent-{agent}.jsonl"), True, target // 3)]
    for path, side, size in files:
        clock, written = 0, 0
        base = {"isSidechain": side, "sessionId": sid, "version": "2.1.329", "cwd": "/home/user/project", "gitBranch": "main"}
        if side:
            base["agentId"] = agent
        with open(path, "w") as out:
            while written < size:
                clock += 1
                stamp = f"2026-11-{1 + number % 20:02}T{clock // 3600 % 24:02}:{clock // 60 % 60:02}:{clock % 60:02}.000Z"
                usage = {"input_tokens": rng.randrange(3000), "cache_creation_input_tokens": rng.randrange(9000),
                         "cache_read_input_tokens": rng.randrange(150000), "output_tokens": rng.randrange(2000),
                         "server_tool_use": {"web_search_requests": 0}, "service_tier": "standard",
                         "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0}, "speed": "standard"}
                message = {"id": f"msg_{rng.randrange(16 ** 24):024x}", "type": "message", "role": "assistant",
                           "model": rng.choice(MODELS), "content": [], "stop_reason": "tool_use", "usage": usage}
                call = f"toolu_{rng.randrange(16 ** 24):024x}"
                blocks = [{"type": "text", "text": text(rng, rng.randrange(100, 1200))},
                          {"type": "tool_use", "id": call, "name": "Edit", "input": {"new_string": text(rng, rng.randrange(200, 4000))}}]
                lines = [dict(base, message=dict(message, content=[block]), type="assistant", timestamp=stamp) for block in blocks]
                result = text(rng, rng.randrange(200, 9000))
                lines.append(dict(base, type="user", timestamp=stamp, promptId="p", toolUseResult={"stdout": result},
                                  message={"role": "user", "content": [{"tool_use_id": call, "type": "tool_result", "content": result}]}))
                if clock % 4 == 0:
                    lines.append(dict(base, type="attachment", timestamp=stamp, attachment={"type": "prompt_snapshot", "text": text(rng, 12000)}))
                for line in lines:
                    written += out.write(json.dumps(line, separators=(",", ":")) + "\n")
        if side:
            with open(path.replace(".jsonl", ".meta.json"), "w") as out:
                json.dump({"agentType": "general-purpose", "toolUseId": f"toolu_{agent}", "model": "haiku"}, out)


def main():
    root, size = sys.argv[1], int(sys.argv[2]) << 20
    rng, each = random.Random(1), 2 << 20
    for number in range(max(1, size // each)):
        session(rng, root, number, min(each, size))


main()
