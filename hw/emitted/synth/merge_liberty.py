#!/usr/bin/env python3
"""Merges liberty files of one library, which ABC takes only as one. usage: merge_liberty.py OUT.lib IN.lib[.gz]...

The first file's header stays; of the others come the cells and the table templates that it has not. Cells that logic must not
use stay out: `dont_use`, isolation cells and level shifters of power domains. OUT.lib.functions is the same without timing and
power, which yosys reads in a tenth of the time. OUT.lib.outputs has a line 'CELL PIN...' of the output pins of
each cell; OUT.lib.buffer names the cell of repeaters, its input and its output: the smallest buffer that may drive LOADS inputs of
the library's median capacitance.
"""
import gzip
import re
import statistics
import sys

LOADS = 16  # behind a repeater (hw/burin_broadcast.sv and src/rtl/fabric_module.h)

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


def inside(text, at):
    """(kind, name, text) of each group in the group whose brace is before `at`."""
    last = close(text, at)
    while (match := GROUP.search(text, at)) and match.end() < last:
        at = close(text, match.end())
        yield match.group(1), match.group(2).strip(), text[match.start():at]


def groups(text):
    """(kind, name, text) of each group directly inside library(...)."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    start = re.search(r"\blibrary\s*\([^)]*\)\s*\{", text)
    if not start:
        raise SystemExit("merge_liberty: no library(...) in the file")
    yield from inside(text, start.end())


def attribute(text, name):
    """What stands behind `name :`, without quotes; None where it is missing."""
    match = re.search(rf'\b{name}\s*:\s*"?([^;"\n]*)', text)
    return match.group(1).strip() if match else None


def cells(text):
    """(cell, its text, {pin: text}) of a library."""
    for kind, name, cell in groups(text):
        if kind == "cell":
            yield name, cell, {pin: body for what, pin, body in inside(cell, cell.index("{") + 1) if what == "pin"}


def pins_of(pins, direction):
    return [pin for pin, body in pins.items() if attribute(body, "direction") == direction]


def buffer_cell(library):
    """(cell, input, output) for repeaters of what cells() gives, or None."""
    loads, buffers = [], []
    for name, cell, pins in library:
        inputs, outputs = pins_of(pins, "input"), pins_of(pins, "output")
        loads += [float(attribute(pins[pin], "capacitance") or 0) for pin in inputs]
        if len(inputs) != 1 or len(outputs) != 1:
            continue
        output = pins[outputs[0]]
        if (attribute(output, "function") or "").strip("() ") == inputs[0] and attribute(output, "three_state") is None:
            drive = float(attribute(output, "max_capacitance") or 0)
            buffers.append((float(attribute(cell, "area") or 0), name, drive, inputs[0], outputs[0]))
    needed = LOADS * statistics.median(loads) if loads else 0
    strong = [cell for cell in buffers if cell[2] >= needed]
    if not strong:
        return None
    _, name, _, pin, output = min(strong)
    return name, pin, output


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
    merged = read(out)
    with open(out + ".functions", "w") as file:
        file.write(functions(merged))
    library = list(cells(merged))
    with open(out + ".outputs", "w") as file:
        for name, _, pins in library:
            print(name, *pins_of(pins, "output"), file=file)
    if not (buffer := buffer_cell(library)):
        raise SystemExit(f"merge_liberty: no buffer of {first} may drive {LOADS} inputs: repeaters need one")
    with open(out + ".buffer", "w") as file:
        print(*buffer, file=file)


main()
