#!/usr/bin/env python3
"""How much slower one stream of `burin serve` decodes than `burin run`: the same prompt, the same tokens, in turns.

usage: server_overhead.py BURIN CARTRIDGE [--tokens N] [--rounds N] [--threads N] [--prompt TEXT] [--json FILE]

Each round runs both, the one that goes first in turns; tokens a second behind the first token, of passes through the
layers only: what `burin run --json` says of itself, what the server says (timings), and what the client sees between
the first and the last chunk with text. The table shows medians; the overhead is the median over rounds of run's speed
over the server's, less one. The texts must be equal.

Beside it the processor time a token, which other programs on the machine disturb far less: of burin run what N tokens take
more than one token, of the server all its threads (the one that computes, and the one that writes to the client).
"""
import argparse
import http.client
import json
import pathlib
import re
import resource
import signal
import statistics
import subprocess
import sys
import time


def run(options):
    """(text, decoded tokens a second) of burin run."""
    command = [options.burin, "run", options.cartridge, "-p", options.prompt, "-n", str(options.tokens), "--temperature",
               "0", "--threads", str(options.threads), "--json", "-"]
    told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    if told["finish"] != "length":
        sys.exit(f"the text ends behind {len(told['ids'])} tokens; give --tokens below that")
    return told["text"], told["stats"]["decode_tokens_per_second"]


def run_cpu_us(options):
    """Microseconds of processor time a token of burin run."""
    def seconds(tokens):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(argparse.Namespace(**{**vars(options), "tokens": tokens}))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (seconds(options.tokens) - seconds(1)) * 1e6 / (options.tokens - 1)


def server_cpu_us(server, port, options):
    """The same of the server: (the busiest thread, all others)."""
    def nanoseconds():
        folder = pathlib.Path(f"/proc/{server.pid}/task")
        return {task.name: int((task / "schedstat").read_text().split()[0]) for task in folder.iterdir()}
    before = nanoseconds()
    stream(port, options)
    after = nanoseconds()
    spent = sorted((after[thread] - before.get(thread, 0)) / 1e3 / options.tokens for thread in after)
    return spent[-1], sum(spent[:-1])


def stream(port, options):
    """(text, what the server says, what the client saw) of one streamed completion."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    body = {"prompt": options.prompt, "max_tokens": options.tokens, "temperature": 0, "stream": True,
            "cache_prompt": False, "timings_per_token": True}
    connection.request("POST", "/v1/completions", json.dumps(body))
    text, seen, told = "", [], None
    for line in connection.getresponse():
        if not line.startswith(b"data: {"):
            continue
        now = time.perf_counter()
        chunk = json.loads(line[6:])
        text += chunk["choices"][0]["text"]
        told = chunk["timings"]
        if chunk["choices"][0]["text"]:
            seen.append((now, told["predicted_n"]))
    connection.close()
    (first, first_n), (last, last_n) = seen[0], seen[-1]
    if last_n == first_n:
        sys.exit("the whole text came in one chunk; give more --tokens")
    return text, told["predicted_per_second"], (last_n - first_n) / (last - first)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("burin")
    parser.add_argument("cartridge")
    parser.add_argument("--tokens", type=int, default=450)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--prompt", default="abc abc abc abc abc abc abc")
    parser.add_argument("--json")
    options = parser.parse_args()
    command = [options.burin, "serve", options.cartridge, "--port", "0", "--threads", str(options.threads)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = int(re.search(r":(\d+)$", server.stdout.readline().strip()).group(1))
            runs, told, seen, cpu = [], [], [], []
            stream(port, options)
            for number in range(options.rounds):
                first = run(options) if number % 2 else stream(port, options)
                second = stream(port, options) if number % 2 else run(options)
                ours, theirs = (first, second) if number % 2 else (second, first)
                if ours[0].rstrip("\n") != theirs[0].rstrip("\n"):
                    sys.exit("the server says another text than burin run")
                runs.append(ours[1])
                told.append(theirs[1])
                seen.append(theirs[2])
                cpu.append((run_cpu_us(options), *server_cpu_us(server, port, options)))
        finally:
            server.send_signal(signal.SIGTERM)
    report = {"threads": options.threads, "tokens": options.tokens, "rounds": options.rounds,
              "run_tokens_per_s": statistics.median(runs)}
    print(f"{options.threads} threads, {options.tokens} tokens, median of {options.rounds} rounds, tokens/s")
    print(f"burin run           {report['run_tokens_per_s']:10.1f}")
    for name, values in (("server", told), ("client", seen)):
        ratio = statistics.median(ours / theirs for ours, theirs in zip(runs, values)) - 1
        report[f"{name}_tokens_per_s"] = statistics.median(values)
        report[f"{name}_overhead"] = ratio
        print(f"serve, by the {name}{report[name + '_tokens_per_s']:10.1f}   overhead {100 * ratio:5.1f} %")
    run_us, server_us, others_us = (statistics.median(column) for column in zip(*cpu))
    ratio = statistics.median((ours + others) / theirs for theirs, ours, others in cpu) - 1
    report.update(run_cpu_us=run_us, server_cpu_us=server_us, server_other_threads_cpu_us=others_us, cpu_overhead=ratio)
    print(f"processor time a token: burin run {run_us:.1f} us, server {server_us:.1f} us and {others_us:.1f} us in its "
          f"other threads: {100 * ratio:.1f} % more")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)


if __name__ == "__main__":
    main()
