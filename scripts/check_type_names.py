#!/usr/bin/env python3
"""Fails when two files define a type of the same full name.

No compiler sees it: each file is right by itself, and the linker takes the members of one for both. Helpers of a source file belong into an
unnamed namespace, where their names are their own.

usage: check_type_names.py [ROOT]
Every finding is one line: file:line: name: also defined at file:line.
"""
import pathlib
import re
import sys

OPEN = re.compile(r"^namespace\s*([\w:]*)\s*\{")
CLOSE = re.compile(r"^\}\s*// namespace")
TYPE = re.compile(r"^(?:struct|class|union|enum(?: class)?)\s+([\w:]+)(?:\s+final)?\s*(?::[^:;][^;]*)?\{")


def types_of(path):
    """(line, full name) of the types outside unnamed namespaces. Layout as clang-format leaves it: namespaces begin and end in column 0."""
    scopes = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if opened := OPEN.match(line):
            scopes.append(opened.group(1))
        elif CLOSE.match(line):
            scopes.pop()
        elif (found := TYPE.match(line)) and "" not in scopes:
            yield number, "::".join([*scopes, found.group(1)])


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    first, findings = {}, 0
    for path in sorted(p for p in root.glob("src/**/*") if p.suffix in {".cc", ".h"}):
        for line, name in types_of(path):
            here = f"{path.relative_to(root)}:{line}"
            if name in first:
                findings += 1
                print(f"{here}: {name}: also defined at {first[name]}")
            first.setdefault(name, here)
    print(f"{len(first)} types, {findings} defined twice")
    sys.exit(findings > 0)


if __name__ == "__main__":
    main()
