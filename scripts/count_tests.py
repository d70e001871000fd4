#!/usr/bin/env python3
"""Prints "PASSED FAILED SKIPPED" of a JUnit file written by ctest. usage: count_tests.py FILE

A GoogleTest binary counts with its cases, as its last lines report them; any other test counts as one.
"""
import re
import sys
import xml.etree.ElementTree


def cases(output, state):
    return sum(int(n) for n in re.findall(rf"^\[\s+{state}\s+\] (\d+) tests?[.,]", output, re.MULTILINE))


def count(case):
    output = "".join(case.itertext())
    passed, failed, skipped = (cases(output, state) for state in ("PASSED", "FAILED", "SKIPPED"))
    if case.get("status") == "fail":
        return passed, max(failed, 1), skipped
    if case.get("status") in ("notrun", "disabled"):
        return 0, 0, 1
    return (passed, failed, skipped) if passed + skipped else (1, 0, 0)


def main():
    totals = [count(case) for case in xml.etree.ElementTree.parse(sys.argv[1]).iter("testcase")]
    print(*(sum(column) for column in zip(*totals)) if totals else (0, 0, 0))


if __name__ == "__main__":
    main()
