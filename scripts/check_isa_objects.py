#!/usr/bin/env python3
"""Fails if an object compiled for one instruction set defines an inline function that others could use.

usage: check_isa_objects.py OBJECT...

The linker keeps one copy of an inline function for the whole program. A copy from a file compiled with -mavx512f would
stop processors that lack it, far from any kernel. So those files may define only what is theirs alone.
"""
import subprocess
import sys


def weak_functions(path):
    symbols = subprocess.run(["nm", "-C", path], check=True, capture_output=True, text=True).stdout
    for line in symbols.splitlines():
        kind, name = line[17:].split(" ", 1)
        if kind == "W" and line[:16].strip():
            yield name


def main():
    findings = [f"{path}: inline function for all: {name}" for path in sys.argv[1:] for name in weak_functions(path)]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
