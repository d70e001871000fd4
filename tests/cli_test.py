#!/usr/bin/env python3
"""Runs the commands of a text file and compares what they print. usage: cli_test.py FILE BINARY_FOLDER SOURCE_FOLDER

FILE holds commands with what they must print on both streams together:
    # a comment
    $ burin inspect missing.burin     a shell command, run in one empty folder for the whole file
    missing.burin: *                  expected line; * stands for any text
    ...                               any number of lines, also none
    [2]                               exit code, if it is not 0
An empty line ends the expectation. $SOURCE names the source folder; the binary folder is first in PATH.
With BURIN_UPDATE_GOLDEN=1 the file is rewritten with what was printed (patterns are lost: read the diff).
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile


def parse(text):
    """[(line number, command, expected lines)] and comments as (line number, None, [line])."""
    steps = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("$ "):
            steps.append((number, line[2:], []))
        elif steps and steps[-1][1] and line:
            steps[-1][2].append(line)
        else:
            steps.append((number, None, [line]))
    return steps


def matches(expected, printed):
    if not expected:
        return not printed
    if expected[0] == "...":
        return any(matches(expected[1:], printed[i:]) for i in range(len(printed) + 1))
    pattern = ".*".join(map(re.escape, expected[0].split("*")))
    return bool(printed) and re.fullmatch(pattern, printed[0]) is not None and matches(expected[1:], printed[1:])


def run(command, folder, environment):
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    return done.stdout.splitlines() + ([f"[{done.returncode}]"] if done.returncode else [])


def main():
    path, binaries, source = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
    environment = dict(os.environ, PATH=f"{binaries}:{os.environ['PATH']}", SOURCE=str(source))
    failures, rewritten = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for number, command, expected in parse(path.read_text()):
            if command is None:
                rewritten += expected
                continue
            printed = run(command, folder, environment)
            rewritten += [f"$ {command}", *(line for line in printed if line)]
            if not matches(expected, [line for line in printed if line]):
                failures += 1
                print(f"{path}:{number}: $ {command}\nexpected:", *expected, "printed:", *printed, sep="\n  ")
    if failures and os.environ.get("BURIN_UPDATE_GOLDEN") == "1":
        path.write_text("\n".join(rewritten) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
