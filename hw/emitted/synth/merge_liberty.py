#!/usr/bin/env python3
"""Merges liberty files of one library, which ABC takes only as one. usage: merge_liberty.py OUT.lib IN.lib[.gz]...

The first file's header stays; of the others come the cells and the table templates that it has not. Cells that logic must not
use stay out: `dont_use`, isolation cells and level shifters of power domains. OUT.lib.functions is the same without timing and
power, which yosys reads in a tenth of the time.
"""
import gzip
import re
import sys

GROUP = re.compile(r"(?:^|(?<=[;{}\n]))\s*(\w+)\s*\(\s*\"?([^\"()]*)\"?\s*\)\s*\{")

UNUSED = re.compile(r'\b(dont_use|is_isolation_cell|is_level_shifter)\s*:\s*"?true"?')

MEASURED = re.compile(r"\b(timing|internal_power|leakage_power|lu_table_template|power_lut_template)\s*\([^()]*\)\s*\{")


def read(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", errors="replace") as file:
        return file.read()


def close(text, at):
    """Index behind the brace that closes the one before `at`; braces in strings do not count."""
    depth, quoted = 1, False
    for match in re.compile(r'["{}]').finditer(text, at):
        mark = match.group()
        if mark == '"':
            quoted = not quoted
        elif not quoted:
            depth += 1 if mark == "{" else -1
            if depth == 0:
                return match.end()
    raise SystemExit("merge_liberty: a brace is not closed")


def groups(text):
    """(kind, name, text) of each group directly inside library(...)."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    start = re.search(r"\blibrary\s*\([^)]*\)\s*\{", text)
    if not start:
        raise SystemExit("merge_liberty: no library(...) in the file")
    at = start.end()
    while match := GROUP.search(text, at):
        end = close(text, match.end())
        yield match.group(1), match.group(2).strip(), text[match.start():end]
        at = end

def functions(text):
    """A library without timing and power."""
    pieces, at = [], 0
    while match := MEASURED.search(text, at):
        pieces.append(text[at:match.start()])
        at = close(text, match.end())
    return "".join([*pieces, text[at:]])


def main():
    out, first, *others = sys.argv[1:]
    text = re.sub(r"/\*.*?\*/", "", read(first), flags=re.DOTALL)
    have = {(kind, name) for kind, name, _ in groups(text)}
    for kind, _, group in groups(text):
        if kind == "cell" and UNUSED.search(group):
            text = text.replace(group, "")
    with open(out, "w") as file:
        file.write(text.rstrip()[:-1])  # without the library's last brace
        for path in others:
            for kind, name, group in groups(read(path)):
                if kind == "cell" and UNUSED.search(group):
                    continue
                if kind in ("cell", "lu_table_template", "power_lut_template") and (kind, name) not in have:
                    have.add((kind, name))
                    file.write(group + "\n")
        file.write("}\n")
    with open(out + ".functions", "w") as file:
        file.write(functions(read(out)))


main()
