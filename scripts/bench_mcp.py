"""Times MCP servers from spawn to the answer to tools/list, in interleaved pairs. Called by scripts/bench-mcp.sh.

Both eras: with the handshake of 2025-11-25, and for `sef mcp` the first request of 2026-07-28 without one. Memory is the
resident set (VmRSS) after the answer. Prints medians and the ratio pair by pair.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

NODE_SERVER = """
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { z } from 'zod';
const server = new McpServer({ name: 'node', version: '1.0.0' });
const done = async () => ({ content: [{ type: 'text', text: '{}' }] });
const prompt = z.string().max(200000).describe('The contract, complete in itself.');
server.registerTool('check_status', { description: 'Says whether it can be used.', inputSchema: { live: z.boolean().optional() } }, done);
server.registerTool('generate', { description: 'Generates code.', inputSchema: { prompt, model: z.string().optional(), max_tokens: z.number().optional() } }, done);
server.registerTool('generate_and_write_files', { description: 'Generates code and writes it.', inputSchema: { prompt, output_dir: z.string(), model: z.string().optional(), max_tokens: z.number().optional() } }, done);
await server.connect(new StdioServerTransport());
"""
CLIENT = {"name": "bench", "version": "1"}
HELLO = [
    {"jsonrpc": "2.0", "id": 0, "method": "initialize",
     "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": CLIENT}},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
]
MODERN = [
    {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": CLIENT,
        "io.modelcontextprotocol/clientCapabilities": {}}}},
]


def resident_kb(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def once(command, requests, folder):
    """Milliseconds from spawn to the answer to tools/list, tools in it, resident kB."""
    env = {"HOME": folder, "PATH": os.environ["PATH"], "CLAUDE_PROJECT_DIR": folder}
    began = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               cwd=folder, env=env)
    for request in requests:
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        if "id" in request:
            answer = process.stdout.readline()
    ms = (time.perf_counter() - began) * 1000
    tools = len(json.loads(answer)["result"]["tools"])
    kb = resident_kb(process.pid)
    process.stdin.close()
    process.wait(10)
    process.stdout.close()
    return ms, tools, kb


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("sef")
    options.add_argument("work", help="a folder with node_modules/@modelcontextprotocol/sdk")
    options.add_argument("-n", type=int, default=40, help="pairs")
    options.add_argument("--json", action="store_true")
    options = options.parse_args()
    options.sef = os.path.abspath(options.sef)
    server = os.path.join(options.work, "server.mjs")
    with open(server, "w") as file:
        file.write(NODE_SERVER)
    kinds = {
        "sef mcp, handshake": ([options.sef, "mcp"], HELLO),
        "sef mcp, 2026-07-28": ([options.sef, "mcp"], MODERN),
        "node, handshake": (["node", server], HELLO),
    }
    seen = {name: [] for name in kinds}
    with tempfile.TemporaryDirectory() as folder:
        for name, (command, requests) in kinds.items():
            once(command, requests, folder)
        for _ in range(options.n):
            for name, (command, requests) in kinds.items():
                seen[name].append(once(command, requests, folder))
    node = seen["node, handshake"]
    rows = {}
    for name, runs in seen.items():
        ratios = [theirs[0] / ours[0] for ours, theirs in zip(runs, node)]
        rows[name] = {
            "tools": runs[0][1],
            "median_ms": round(statistics.median(run[0] for run in runs), 2),
            "p90_ms": round(sorted(run[0] for run in runs)[int(len(runs) * 0.9)], 2),
            "rss_mb": round(statistics.median(run[2] for run in runs) / 1024, 1),
            "node_is_slower_by": round(statistics.median(ratios), 1),
        }
    if options.json:
        print(json.dumps({"pairs": options.n, "rows": rows}, indent=1))
        return
    print(f"{options.n} interleaved rounds, spawn to the answer to tools/list")
    print(f"{'':22}{'tools':>6}{'median ms':>11}{'p90 ms':>9}{'RSS MB':>8}{'node/it':>9}")
    for name, row in rows.items():
        print(f"{name:22}{row['tools']:>6}{row['median_ms']:>11}{row['p90_ms']:>9}{row['rss_mb']:>8}"
              f"{row['node_is_slower_by']:>9}")


if __name__ == "__main__":
    main()
