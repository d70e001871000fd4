"""burin serve: the program over HTTP, as clients good and bad use it.

With BURIN_LONG the load tests run at full length: 64 clients for a minute, 1,000 dropped connections.
"""
import concurrent.futures
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
import unittest
import urllib.request

from harness import BurinTest, HEARTH, needs_hearth
from server import Server, parse_metrics, prometheus_families

LONG = bool(os.environ.get("BURIN_LONG"))
ADAPTERS = HEARTH / "adapters"


def lines_of(path, count):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line)["prompt"] for _, line in zip(range(count), file)]


def user_text(prompt):
    return prompt.replace("<|user|>", "").split("<|end|>")[0]


def mixed_request(number, prompts):
    """(path, body): every dialect, greedy and drawn, several choices, penalties, log-probabilities."""
    text = prompts[number % len(prompts)]
    common = {"max_tokens": 1 + number * 7 % 40, "temperature": [0, 0.7, 1.3][number % 3], "seed": number}
    if number % 5 == 0:
        common["top_p"] = 0.9
    if number % 7 == 0:
        common.update(presence_penalty=0.5, frequency_penalty=0.25)
    kind = number % 4
    if kind == 0:
        return "/v1/completions", {**common, "prompt": text, "echo": True, "logprobs": 2}
    if kind == 1:
        return "/completion", {**common, "prompt": text, "n_probs": 3, "return_tokens": True}
    body = {**common, "messages": [{"role": "user", "content": user_text(text)}], "n": 1 + number % 3}
    if kind == 3:
        body.update(logprobs=True, top_logprobs=2, stop=["\"action\""])
    return "/v1/chat/completions", body


def bytes_of(answer):
    """What must not differ: all but names, times and what was found in memory."""
    for key in ("id", "created", "timings", "tokens_cached"):
        answer.pop(key, None)
    answer.get("usage", {}).pop("prompt_tokens_details", None)
    return json.dumps(answer)


@needs_hearth
class ServeTest(BurinTest):
    def setUp(self):
        super().setUp()
        self.cartridge_path = self.folder / "hearth.burin"
        self.burin("engrave", HEARTH, "-o", self.cartridge_path, "--bits", "4", "--no-calibration")

    def serve(self, *options, **more):
        server = Server(self.cartridge_path, *options, **more)
        self.addCleanup(server.stop)
        return server

    def wait_idle(self, server):
        for _ in range(400):
            if server.metric("vllm:num_requests_running") + server.metric("vllm:num_requests_waiting") == 0:
                return
            time.sleep(0.02)
        self.fail("sequences are left")


class TestAnswers(ServeTest):
    def test_says_what_run_says(self):
        server = self.serve()
        for prompt in map(user_text, lines_of(HEARTH / "heldout.jsonl", 4)):
            told = self.json("run", self.cartridge_path, "--chat", "-p", prompt, "-n", "64", "--temperature", "0")
            answer = server.chat(prompt, temperature=0, max_tokens=64)
            self.assertEqual(answer["choices"][0]["message"]["content"], told["text"])
            self.assertEqual(answer["usage"]["prompt_tokens"], len(told["prompt_ids"]))
            drawn = self.json("run", self.cartridge_path, "--chat", "-p", prompt, "-n", "40", "--temperature", "1",
                              "--seed", "7")
            self.assertEqual(server.chat(prompt, temperature=1, seed=7, max_tokens=40)["choices"][0]["message"]
                             ["content"], drawn["text"])

    def test_same_request_same_bytes(self):
        """200 mixed requests alone, all at once, and after a restart with another number of threads and kernels."""
        requests = [mixed_request(i, lines_of(HEARTH / "heldout.jsonl", 20)) for i in range(200)]
        with Server(self.cartridge_path, "--threads", 2) as server:
            alone = [bytes_of(server.post(*request)) for request in requests]
            with concurrent.futures.ThreadPoolExecutor(64) as pool:
                together = list(pool.map(lambda r: bytes_of(server.post(*r)), requests))
            self.assertEqual(together, alone)
        with Server(self.cartridge_path, "--threads", 1, "--users", 200, environment={"BURIN_KERNELS": "scalar"}) as server:
            with concurrent.futures.ThreadPoolExecutor(100) as pool:
                again = list(pool.map(lambda r: bytes_of(server.post(*r)), requests[:50]))
        self.assertEqual(again, alone[:50])

    def test_adapters_swapped_under_load(self):
        """Three adapters and the model itself in one batch, while a fourth name goes from one adapter to the next, also
        under a text that is being written: each answer equals its solo run with the adapter that it began with."""
        three = ["innkeeper", "orders", "spoken"]
        server = self.serve("--adapter", f"innkeeper={ADAPTERS / 'innkeeper'}", "--adapter-folder", ADAPTERS)
        for name in three[1:]:
            server.post("/v1/load_lora_adapter", {"lora_name": name, "lora_path": name})
        prompts = [user_text(p) for name in three for p in lines_of(ADAPTERS / name / "heldout.jsonl", 4)]
        drawn = {"max_tokens": 48, "temperature": 0.8, "seed": 3}

        def ask(job):
            model, prompt = job
            return server.chat(prompt, model=model, **drawn)["choices"][0]["message"]["content"]

        jobs = [(name, prompt) for prompt in prompts for name in ["hearth", *three]]
        alone = {job: ask(job) for job in jobs}
        for prompt in prompts:
            self.assertGreater(len({alone[name, prompt] for name in ["hearth", *three]}), 2)  # they do differ
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            futures = {job: pool.submit(ask, job) for job in jobs}
            for i in range(9):
                server.post("/v1/load_lora_adapter", {"lora_name": "guest", "lora_path": three[i % 3], "load_inplace": True})
                prompt = prompts[i]
                body = {"model": "guest", "messages": [{"role": "user", "content": prompt}], **drawn}
                events = server.stream("/v1/chat/completions", body)
                begun = [next(events)]  # the text has its adapter; now the name gets another one
                server.post("/v1/load_lora_adapter",
                            {"lora_name": "guest", "lora_path": three[(i + 1) % 3], "load_inplace": True})
                chunks = begun + [event for event in events if event != "[DONE]"]
                text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
                self.assertEqual(text, alone[three[i % 3], prompt])
                self.assertEqual(ask(("guest", prompt)), alone[three[(i + 1) % 3], prompt])
            self.assertEqual({job: future.result() for job, future in futures.items()}, alone)
        server.post("/v1/load_lora_adapter", {"lora_name": "guest", "lora_path": "nowhere", "load_inplace": True}, 400)
        self.assertEqual(ask(("guest", prompts[8])), alone[three[0], prompts[8]])  # a failed swap changes nothing
        server.post("/v1/unload_lora_adapter", {"lora_name": "guest"})
        self.wait_idle(server)
        for _ in range(100):  # the last answers let go of their adapters
            memory, adapters = (server.get("/burin/info")[key] for key in ("adapters_sram", "adapters"))
            if memory["bytes_used"] == sum(adapter["bytes"] for adapter in adapters):
                break
            time.sleep(0.02)
        self.assertEqual([adapter["name"] for adapter in adapters], three)
        self.assertEqual(memory["bytes_used"], sum(adapter["bytes"] for adapter in adapters))

    def test_metrics_are_prometheus(self):
        server = self.serve()
        server.chat("hello", max_tokens=5)
        names = {name for name, _, _ in parse_metrics(server.request("GET", "/metrics")[2])}
        self.assertLessEqual({"vllm:num_requests_running", "vllm:time_to_first_token_seconds_bucket",
                              "vllm:generation_tokens_total", "burin:http_connections"}, names)

    def test_metrics_as_prometheus_reads_them(self):
        server = self.serve("--name", 'odd "name" \\')
        server.chat("hello", max_tokens=5, ignore_eos=True)
        scrape = server.request("GET", "/metrics")
        self.assertTrue(scrape[1]["Content-Type"].startswith("text/plain; version=0.0.4"))
        families = prometheus_families(scrape[2])
        if families is None:
            self.skipTest("no python3-prometheus-client")
        samples = [tuple([name, tuple(sorted(labels.items())), value]) for _, _, all_ in families
                   for name, labels, value in all_]
        ours = [tuple([name, tuple(sorted(labels.items())), value]) for name, labels, value in parse_metrics(scrape[2])]
        self.assertEqual(len(samples), len(ours))
        kinds = {name: kind for name, kind, _ in families}
        self.assertEqual(kinds["vllm:generation_tokens"], "counter")  # the client takes "_total" off
        self.assertEqual(kinds["vllm:time_to_first_token_seconds"], "histogram")
        values = {name: value for name, labels, value in samples if ("le", "+Inf") in labels or "_bucket" not in name}
        self.assertEqual(values["vllm:generation_tokens_total"], 5)
        self.assertEqual(values["vllm:time_to_first_token_seconds_bucket"], 1)
        self.assertEqual(values["vllm:inter_token_latency_seconds_count"], 4)
        self.assertEqual({dict(labels)["model_name"] for _, labels, _ in samples}, {'odd "name" \\'})

    def test_tls(self):
        if not shutil.which("openssl"):
            self.skipTest("no openssl")
        key, certificate = self.folder / "key.pem", self.folder / "cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-days", "2", "-addext",
                        "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        server = self.serve("--tls-certificate", certificate, "--tls-key", key)
        context = ssl.create_default_context(cafile=str(certificate))
        with urllib.request.urlopen(server.url + "/v1/models", context=context, timeout=30) as answer:
            self.assertEqual(json.load(answer)["data"][0]["id"], "hearth")
        self.burin("bench", "--server", server.url, "--requests", 3, "--tokens", 5)


class TestEnds(ServeTest):
    def test_stop_is_clean_and_lets_answers_end(self):
        server = self.serve()
        body = {"prompt": "a", "max_tokens": 400, "temperature": 1, "seed": 1, "ignore_eos": True, "n": 16}
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer = pool.submit(server.post, "/v1/completions", body)
            while server.metric("vllm:num_requests_running") == 0 and not answer.done():
                time.sleep(0.005)
            self.assertEqual(server.stop(), 0)
            self.assertEqual(len(answer.result()["choices"]), 16)

    def test_refuses_to_start(self):
        server = self.serve()
        self.refuse("serve", self.cartridge_path, "--port", server.port, says=["cannot listen", "--port"])
        self.refuse("serve", self.cartridge_path, "--adapter", "x", says=["NAME=PATH"])
        self.refuse("serve", self.cartridge_path, "--port", "0", "--adapter", "x=/nowhere", says=["--adapter x"])
        self.refuse("serve", self.cartridge_path, "--port", "0", "--adapter", f"../x={ADAPTERS / 'orders'}",
                    says=["letters"])
        self.refuse("serve", self.cartridge_path, "--api-key-file", "/nowhere", says=["/nowhere"])
        self.refuse("serve", HEARTH, says=["burin engrave"])
        damaged = bytearray(self.cartridge_path.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        (self.folder / "damaged.burin").write_bytes(damaged)
        self.refuse("serve", "damaged.burin", "--port", "0")

    def test_bench_server_refusals(self):
        self.refuse("bench", says=["--server"])
        self.refuse("bench", "--server", "nonsense", says=["http://"])
        self.refuse("bench", "--server", "http://127.0.0.1:9", says=["127.0.0.1:9"])


class TestHostile(ServeTest):
    def raw(self, server, data):
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
            client.sendall(data)
            answer = b""
            while part := client.recv(65536):
                answer += part
            return answer

    def test_survives_nonsense(self):
        server = self.serve("--max-body", 1)
        post = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        for data, status in [
                (b"\x00\xff\x16\x03\x01garbage\r\n\r\n", 400), (b"GET / HTTP/9.9\r\n\r\n", 400),
                (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n", 431),
                (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n", 431),
                (post + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
                (post + b"Content-Length: 9000000\r\n\r\n", 413),
                (post + b"Content-Length: 5\r\n\r\n\xff\xfe{}x", 400),
                (post + b"Content-Length: 2\r\n\r\n{}", 400),
                (post + b"Content-Length: 0\r\n\r\n", 400),
                (b"DELETE /v1/models HTTP/1.1\r\nConnection: close\r\n\r\n", 405)]:
            answer = self.raw(server, data)
            self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), (data[:80], answer[:200]))
            if status != 400 or b"error" in answer:
                self.assertIn(b'"error"', answer)
        for body in [b'{"messages":' * 50000, b"[" * 500000, b'{"messages":[{"role":"user","content":"\xed\xa0\x80"}]}']:
            self.assertEqual(server.request("POST", "/v1/chat/completions", body)[0], 400)
        self.assertEqual(server.get("/health"), {"status": "ok"})

    def drop(self, server, count):
        body = json.dumps({"messages": [{"role": "user", "content": "tell me all"}], "stream": True, "ignore_eos": True,
                           "max_tokens": 400, "temperature": 1}).encode()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        for number in range(count):
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
                client.sendall(head + body)
                client.recv(64 + number % 512)

    def test_dropped_connections_leak_nothing(self):
        # KV memory that ended texts leave is kept for prompts that begin alike: little of it, so that it is full at once.
        server = self.serve("--kv-memory", 4)
        self.drop(server, 150 if LONG else 60)  # buffers get their size
        self.wait_idle(server)
        before = server.descriptors(), server.resident_bytes()
        count = 1000 if LONG else 60
        self.drop(server, count)
        self.wait_idle(server)
        for _ in range(200):
            if server.descriptors() <= before[0]:
                break
            time.sleep(0.02)
        after = server.descriptors(), server.resident_bytes()
        print(f"descriptors {before[0]} -> {after[0]}, resident {before[1] >> 10} -> {after[1] >> 10} KiB, "
              f"{count} connections dropped", flush=True)
        self.assertLessEqual(after[0], before[0])
        self.assertLess(after[1] - before[1], 4 << 20)
        self.assertEqual(server.metric("vllm:kv_cache_usage_perc"), 0)
        self.assertGreater(server.metric("burin:http_dropped_total"), 0)

    def test_readers_that_do_not_read_hold_nobody(self):
        server = self.serve("--users", 4)
        body = json.dumps({"prompt": "a", "stream": True, "ignore_eos": True, "max_tokens": 300, "logprobs": 5}).encode()
        head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        lazy = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
        for client in lazy:
            self.addCleanup(client.close)
            client.sendall(head + body)
        self.assertTrue(server.chat("hello", max_tokens=4)["choices"])
        self.wait_idle(server)  # all is written; who does not read only holds its own connection

    def test_load(self):
        """A closed loop of 64 streaming clients: no error."""
        server = self.serve()
        seconds = 60 if LONG else 3
        table = self.burin("bench", "--server", server.url, "--users", 64, "--seconds", seconds, "--tokens", 64, "--json",
                           "load.json")
        print(table, flush=True)
        load = json.loads((self.folder / "load.json").read_text())
        self.assertEqual(load["errors"], 0)
        self.assertGreaterEqual(load["answers"], 64)
        self.wait_idle(server)


if __name__ == "__main__":
    unittest.main()
