"""A burin serve for tests, and ways to ask it. Standard library only."""
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading

from harness import BURIN


class Server:
    """A running server. `stop` returns its exit code."""

    def __init__(self, cartridge, *options, environment=None):
        self.process = subprocess.Popen(
            [BURIN, "serve", str(cartridge), "--port", "0", *map(str, options)], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})
        line = self.process.stdout.readline()
        found = re.search(r"at (https?)://[^:]*:(\d+)", line)
        if not found:
            raise AssertionError(f"no server: {line}{self.process.stderr.read()}")
        self.port = int(found.group(2))
        self.url = f"{found.group(1)}://127.0.0.1:{self.port}"
        self.errors = []
        self.reader = threading.Thread(target=lambda: self.errors.extend(self.process.stderr), daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.reader.join(10)
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def request(self, method, path, body=None, headers=None):
        """(status, headers, text)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, data, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def get(self, path):
        status, _, text = self.request("GET", path)
        assert status == 200, text
        return json.loads(text)

    def post(self, path, body, status=200):
        got, _, text = self.request("POST", path, body)
        assert got == status, f"{got}: {text}"
        return json.loads(text)

    def events(self, path, body):
        """The JSON of a stream's events; "[DONE]" as it is."""
        status, headers, text = self.request("POST", path, {**body, "stream": True})
        assert status == 200 and headers["Content-Type"].startswith("text/event-stream"), text
        lines = [line[6:] for line in text.split("\n\n") if line.startswith("data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]

    def stream(self, path, body):
        """The same events, each as it comes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("POST", path, json.dumps({**body, "stream": True}).encode())
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            for line in answer:
                if line.startswith(b"data: "):
                    data = line[6:].decode().rstrip("\n")
                    yield data if data == "[DONE]" else json.loads(data)
        finally:
            connection.close()

    def chat(self, content, **more):
        return self.post("/v1/chat/completions", {"messages": [{"role": "user", "content": content}], **more})

    def metric(self, name):
        """The sum of a metric's samples."""
        return sum(value for key, _, value in parse_metrics(self.request("GET", "/metrics")[2]) if key == name)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


# Prometheus's own Python client reads the text: Debian's python3-prometheus-client, whatever Python runs the tests.
PROMETHEUS = """
import json, sys
from prometheus_client.parser import text_string_to_metric_families
json.dump([[f.name, f.type, [[s.name, s.labels, s.value] for s in f.samples]]
           for f in text_string_to_metric_families(sys.stdin.read())], sys.stdout)
"""


def prometheus_families(text):
    """[[name, type, [[sample, labels, value]]]] as Prometheus's client reads a scrape; None without that client."""
    for python in (sys.executable, "/usr/bin/python3"):
        found = subprocess.run([python, "-c", "import prometheus_client.parser"], capture_output=True, check=False)
        if found.returncode == 0:
            done = subprocess.run([python, "-c", PROMETHEUS], input=text, capture_output=True, text=True, check=True)
            return json.loads(done.stdout)
    return None


SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*)\} (\S+)$')


def parse_metrics(text):
    """Prometheus text, version 0.0.4, read strictly: [(name, labels, value)]."""
    types, samples, seen = {}, [], set()
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            assert len(line.split(" ", 3)) == 4, line
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in ("counter", "gauge", "histogram") and name not in types, line
            types[name] = kind
        else:
            found = SAMPLE.match(line)
            assert found, line
            name, labels, value = found.groups()
            family = re.sub(r"_(bucket|sum|count)$", "", name)
            assert name in types or types.get(family) == "histogram", line
            assert (name, labels) not in seen, line
            seen.add((name, labels))
            samples.append((name, dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)), float(value)))
    for name, kind in types.items():
        if kind == "histogram":
            buckets = [(float(labels["le"]), value) for key, labels, value in samples if key == name + "_bucket"]
            counts = [value for key, _, value in samples if key == name + "_count"]
            assert [b for b, _ in buckets] == sorted(b for b, _ in buckets) and buckets[-1][0] == float("inf"), name
            assert [v for _, v in buckets] == sorted(v for _, v in buckets) and buckets[-1][1] == counts[0], name
    return samples
