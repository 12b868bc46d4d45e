"""Figures for bench-turbo.sh: what `sef turbo` takes beyond the service's own time."""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CONTRACT = os.path.join(ROOT, "docs/contracts/rate-limiter-api.md")
LINE = "x = 1  # forty bytes of code on this line\n"
FILES = {f"pkg/part_{number}.py": LINE * 100 for number in range(3)}


def by_hand(url, body):
    """One call as plain as it gets: connect, send, read to the end."""
    at = urllib.parse.urlparse(url)
    start = time.perf_counter()
    connection = http.client.HTTPConnection(at.hostname, at.port)
    connection.request("POST", at.path + "/chat/completions", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sef")
    parser.add_argument("-n", type=int, default=40, help="rounds")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        log = os.path.join(home, "log")
        script = json.dumps([{"do": "answer", "files": FILES, "pause": 0.0005}])
        server = subprocess.Popen([sys.executable, "-B", os.path.join(ROOT, "tests/hosted/server.py"), "--script", script, "--log", log,
                                   "--rpm", "100000", "--tpm", "100000000"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        url = server.stdout.readline().strip()
        env = {"HOME": home, "PATH": os.environ["PATH"], "CEREBRAS_BASE_URL": url, "CEREBRAS_API_KEY": "dummy-key-0123456789"}
        project = os.path.join(home, "project")
        os.mkdir(project)

        def turbo(number):
            command = [args.sef, "turbo", "--contract", CONTRACT, "--out", os.path.join(project, str(number)), "--json"]
            start = time.perf_counter()
            run = subprocess.run(command, env=env, cwd=project, capture_output=True, text=True, check=True)
            return time.perf_counter() - start, json.loads(run.stdout)

        turbo("first")  # learns the limits and fetches the list of models, as the first call of a day does
        with open(log, encoding="utf-8") as lines:
            body = next(json.dumps(line["body"]) for line in map(json.loads, lines) if line["method"] == "POST")
        rows = {"the call by hand": [], "sef turbo": [], "of it, the service": [], "sef --version": []}
        for number in range(args.n):
            rows["the call by hand"].append(by_hand(url, body))
            wall, done = turbo(number)
            rows["sef turbo"].append(wall)
            rows["of it, the service"].append(done["service_ms"] / 1e3)
            start = time.perf_counter()
            subprocess.run([args.sef, "--version"], env=env, capture_output=True, check=True)
            rows["sef --version"].append(time.perf_counter() - start)
        server.stdin.close()
        server.wait()
        print(f"{args.n} rounds, 3 files of 100 lines, medians (90th percentiles) in ms")
        for name, times in rows.items():
            times.sort()
            print(f"  {name:<20}{statistics.median(times) * 1e3:8.1f}  ({times[int(len(times) * 0.9)] * 1e3:.1f})")
        added = statistics.median(rows["sef turbo"]) - statistics.median(rows["the call by hand"])
        print(f"  added by sef turbo  {added * 1e3:8.1f}")


if __name__ == "__main__":
    main()
