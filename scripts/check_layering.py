#!/usr/bin/env python3
"""Fails on an include, a declared edge or a cycle that the module table of docs/architecture.md does not allow.

usage: check_layering.py [ROOT]

The edges of a module are the DEPS of its burin_module() call; a folder without one is held to the table.
Every finding is one line: file:line: from -> to: reason.
"""
import pathlib
import re
import sys

KEYWORDS = {"SOURCES", "TESTS", "DEPS", "LIBS", "PRIVATE_LIBS"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
ROW = re.compile(r"^\|\s*`(\w+)`\s*\|.*\|\s*([^|]*?)\s*\|\s*$")


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def read_table(path):
    """{module: modules it may use}, from rows "| `module` | owns | `a`, `b` |" of the section Modules; "all" is every other."""
    section = re.search(r"^## Modules\n(.*?)(?=^## |\Z)", path.read_text(), re.MULTILINE | re.DOTALL)
    rows = [m.groups() for m in map(ROW.match, section.group(1).splitlines()) if m] if section else []
    names = [name for name, _ in rows]
    return {name: set(names) - {name} if uses == "all" else set(re.findall(r"`(\w+)`", uses))
            for name, uses in rows}


def read_declared(root):
    """{module: (file, line, direct deps)} of every burin_module() call."""
    declared = {}
    for path in sorted(root.glob("src/*/CMakeLists.txt")):
        text = re.sub(r"#[^\n]*", "", path.read_text())
        for call in re.finditer(r"\bburin_module\s*\(([^)]*)\)", text):
            name, *words = call.group(1).split()
            deps, section = set(), None
            for word in words:
                if word in KEYWORDS:
                    section = word
                elif section == "DEPS":
                    deps.add(word)
            declared[name] = (path.relative_to(root), line_of(text, call.start()), deps)
    return declared


def closure(edges, start):
    seen, todo = set(), [start]
    while todo:
        for to in edges.get(todo.pop(), ()):
            if to not in seen:
                seen.add(to)
                todo.append(to)
    return seen


def check_table(table, where):
    """Cycles and names without a row."""
    for name, uses in table.items():
        for to in sorted(uses - set(table)):
            yield f"{where}: {name} -> {to}: no such row"
        if name in closure(table, name):
            yield f"{where}: {name} -> {name}: cycle"


def check_declared(declared, table):
    edges = {name: deps for name, (_, _, deps) in declared.items()}
    for name, (path, line, deps) in declared.items():
        if name not in table:
            yield f"{path}:{line}: {name}: not in the table of docs/architecture.md"
            continue
        if name in closure(edges, name):
            yield f"{path}:{line}: {name} -> {name}: cycle"
        for to in sorted(deps - closure(table, name)):
            yield f"{path}:{line}: {name} -> {to}: DEPS outside the table of docs/architecture.md"


def check_includes(root, declared, table):
    edges = {name: declared[name][2] if name in declared else table[name] for name in table}
    sources = (p for p in sorted(root.glob("src/**/*")) if p.suffix in (".h", ".cc") and p.is_file())
    for path in sources:
        module = path.relative_to(root / "src").parts[0]
        if module not in table:
            yield f"{path.relative_to(root)}:1: {module}: not in the table of docs/architecture.md"
            continue
        allowed = closure(edges, module) | {module}
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            include = INCLUDE.match(line)
            if not include:
                continue
            to = include.group(1).split("/")[0]
            place = f"{path.relative_to(root)}:{number}: {module} -> {to}"
            if "/" not in include.group(1) or to not in table:
                yield f'{place}: "{include.group(1)}" is not "module/file.h" of a known module'
            elif to not in allowed:
                yield f"{place}: outside the DEPS of {module}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    doc = root / "docs" / "architecture.md"
    table = read_table(doc)
    if not table:
        sys.exit(f"{doc}: found no module table, expected rows | `module` | owns | `module`, ... | in the section Modules")
    declared = read_declared(root)
    findings = [*check_table(table, doc.relative_to(root)), *check_declared(declared, table)]
    if not findings:  # with a broken table, every include would be reported again
        findings = list(check_includes(root, declared, table))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
