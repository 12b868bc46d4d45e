#!/usr/bin/env python3
"""Holds `sef-stats export` against others' reading of OTLP: check-otlp.py [FOLDER_OF_BINARIES]

The real hook writes a log; what the export makes of it is parsed by the OpenTelemetry project's own protobuf classes
(PyPI opentelemetry-proto), its sums are compared with the log, and it is sent to a collector that others wrote (PyPI
rotel). Installs both into a temporary venv and says so when it cannot. Exit 0 when all is well or nothing could run.
"""
import collections
import http.server
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from made_log import ROOT, environment, in_venv, records, write_log

METRICS = {"session": "sef.sessions", "prompt": "sef.prompts", "spawn": "sef.spawns", "result": "sef.results",
           "notified": "sef.results", "feedback": "sef.feedback", "refused": "sef.refusals", "fault": "sef.faults",
           "turbo": "sef.turbo", "vague": "sef.vague", "race": "sef.race"}


def only_lower_camel(value, path="$"):
    """The parser takes snake_case and names of enums too; OTLP/JSON does not."""
    if isinstance(value, dict):
        for key, inner in value.items():
            assert re.fullmatch("[a-z][A-Za-z]*", key), f"{path}: {key}"
            only_lower_camel(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            only_lower_camel(inner, f"{path}[{number}]")


def parsed(line):
    """Metric -> sum over the data points of a request, as protobuf understands it."""
    from google.protobuf import json_format
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_DELTA

    body = json.loads(line)
    only_lower_camel(body)
    request = json_format.ParseDict(body, ExportMetricsServiceRequest())
    sums = collections.Counter()
    points = 0
    for resource in request.resource_metrics:
        names = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
        assert names["service.name"] == "sef" and set(names) == {"service.name", "service.version", "service.instance.id"}
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                assert metric.sum.aggregation_temporality == AGGREGATION_TEMPORALITY_DELTA and metric.sum.is_monotonic
                for point in metric.sum.data_points:
                    assert 0 < point.start_time_unix_nano < point.time_unix_nano
                    sums[metric.name] += point.as_int
                    points += 1
    return sums, points


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def sent_to_rotel(stats, home, wanted, points):
    import rotel

    agent = os.path.join(os.path.dirname(rotel.__file__), "rotel-agent")
    port = free_port()
    log = os.path.join(home, "rotel.log")
    with open(log, "w", encoding="utf-8") as out:
        try:
            collector = subprocess.Popen(
                [agent, "start", "--exporter", "blackhole", "--otlp-http-endpoint", f"127.0.0.1:{port}",
                 "--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}", "--debug-log", "metrics",
                 "--debug-log-verbosity", "detailed"],
                stdout=out, stderr=out, cwd=home, env={"HOME": home, "PATH": os.environ["PATH"]})
        except OSError as why:
            print(f"skipped: rotel does not start here: {why}")
            return
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if collector.poll() is not None or probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        if collector.poll() is not None:
            print("skipped: rotel does not start here: " + open(log, encoding="utf-8").read().strip()[-200:])
            return
        command = [stats, "export", "--otlp", f"http://127.0.0.1:{port}"]
        for begin in ["exported ", "nothing new to export"]:
            run = subprocess.run(command, env=environment(home), capture_output=True, text=True)
            assert run.returncode == 0 and run.stdout.startswith(begin), run
            print("rotel: " + run.stdout.strip())
        time.sleep(0.5)
    finally:
        collector.terminate()
        collector.wait()
    said = re.sub(r"\x1b\[[0-9;]*m", "", open(log, encoding="utf-8").read())
    for name in wanted:
        assert f"Name: {name}\n" in said, f"rotel did not see {name}: {said[-2000:]}"
    assert said.count("NumberDataPoints #") == points, said[-2000:]
    print(f"rotel saw {', '.join(sorted(wanted))} with {points} points")


def sent_encrypted(stats, home):
    """A collector with a certificate of its own: refused, until its authority is named."""
    key, certificate = os.path.join(home, "key.pem"), os.path.join(home, "cert.pem")
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-keyout", key, "-out", certificate, "-addext", "subjectAltName=DNS:localhost",
            "-addext", "basicConstraints=critical,CA:FALSE"]
    try:
        subprocess.run(make, check=True, capture_output=True, cwd=home)
    except (OSError, subprocess.CalledProcessError) as why:
        print(f"skipped: the encrypted export, for openssl makes no certificate here: {why}")
        return

    class Taking(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    server.handle_error = lambda *_: None
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"https://localhost:{server.server_port}"
    for more, code in [([], 1), (["--ca", certificate], 0)]:
        run = subprocess.run([stats, "export", "--resend-all", "--otlp", url, *more], env=environment(home),
                             capture_output=True, text=True)
        assert run.returncode == code and (code == 0 or "--ca FILE" in run.stderr), run
        print("TLS: " + (run.stdout or run.stderr).strip())
    server.shutdown()


def main():
    in_venv(["opentelemetry-proto", "rotel"])
    bin_dir = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.join(ROOT, "target", "debug")
    stats = os.path.join(bin_dir, "sef-stats")
    with tempfile.TemporaryDirectory(prefix="sef-otlp-") as home:
        write_log(bin_dir, home, 5)
        counted = [record for record in records(home) if record.get("rc", {}).get("st") != "told"]
        wanted = collections.Counter(METRICS[record["e"]] for record in counted if record["e"] in METRICS)
        run = subprocess.run([stats, "export", "--dry-run", "--projects"], env=environment(home), capture_output=True,
                             text=True, check=True)
        got, points = collections.Counter(), 0
        for line in run.stdout.splitlines():
            sums, count = parsed(line)
            got, points = got + sums, points + count
        assert wanted and got == wanted, (got, wanted)
        print(f"opentelemetry-proto: {points} points, sums as in the log: " +
              ", ".join(f"{name} {count}" for name, count in sorted(got.items())))
        sent_to_rotel(stats, home, wanted, points)
        sent_encrypted(stats, home)


if __name__ == "__main__":
    main()
