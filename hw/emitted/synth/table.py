#!/usr/bin/env python3
"""The table of `make synth`: cells, area and memory bits by block. usage: table.py STAT MEMORIES FAN_OUT ROMS.sv...

STAT is what yosys' `stat -liberty` prints, MEMORIES its `dump` of the memories, FAN_OUT the lines of fan_out.py. A block
counts as often as the chip has it. Arrays below 32 words are in its cells; larger ones and ROM modules are bits. Fan-out is
the largest of a net of the block, clock and reset aside.
"""
import collections
import re
import sys

MACRO_WORDS = 32  # as in area.tcl


def base(name):
    """burin_bank of $paramod$0123abcd\\burin_bank or $paramod\\burin_bank\\COLUMNS=s32'..."""
    parts = name.split("\\")
    return parts[1] if name.startswith("$paramod") else parts[-1]


def modules(text):
    """{module: (area of its own cells, {cell or module: count})}."""
    found = {}
    for name, body in re.findall(r"^=== (\S+) ===\n(.*?)(?=^=== |\Z)", text, re.MULTILINE | re.DOTALL):
        if name == "design":
            continue
        area = re.search(r"Chip area for module '.*?': ([\d.]+)", body)
        cells = re.search(r"Number of cells: +\d+\n((?:     \S+ +\d+\n)*)", body)
        counts = {kind: int(count) for kind, count in re.findall(r"^ +(\S+) +(\d+)$", cells.group(1), re.MULTILINE)}
        found[name] = (float(area.group(1)) if area else 0.0, counts)
    return found


def memories(text):
    """{module: bits of its arrays that are macros}."""
    bits, module = collections.Counter(), ""
    size = width = 0
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["module"]:
            module = words[1].removeprefix("\\")
        elif words[:1] == ["cell"]:
            size = width = 0
        elif words[:2] == ["parameter", "\\SIZE"]:
            size = int(words[2])
        elif words[:2] == ["parameter", "\\WIDTH"]:
            width = int(words[2])
        elif words == ["end"] and size >= MACRO_WORDS:
            bits[module] += size * width
            size = width = 0
    return bits


def roms(paths):
    """{ROM module: bits}."""
    found = {}
    for path in paths:
        with open(path) as file:
            for words, width, name in re.findall(r": (\d+) words of (\d+) bits\.\nmodule (\w+) ", file.read()):
                found[name] = int(words) * int(width)
    return found


def instances(found, top):
    """{module: how often the chip has it}."""
    count = collections.Counter()

    def walk(name, times):
        count[name] += times
        for kind, number in found.get(name, (0, {}))[1].items():
            if kind in found or base(kind).startswith("rom_"):
                walk(kind, times * number)

    walk(top, 1)
    return count


def main():
    stat, memory, fan_out_path, *rom_paths = sys.argv[1:]
    with open(stat) as file:
        found = modules(file.read())
    with open(memory) as file:
        bits = memories(file.read())
    fan_out = collections.Counter()
    with open(fan_out_path) as file:
        for line in file:
            name, loads, _ = line.split()
            fan_out[base(name)] = max(fan_out[base(name)], int(loads))
    rom = roms(rom_paths)
    used = {kind for _, counts in found.values() for kind in counts}
    top = next(name for name in found if name not in used)
    count = instances(found, top)
    rows = collections.defaultdict(lambda: [0, 0, 0.0, 0])
    for name, times in count.items():
        if name not in found:
            continue
        area, counts = found[name]
        row = rows[base(name)]
        row[0] += times
        row[1] += times * sum(number for kind, number in counts.items() if kind not in found and kind not in rom and kind != "$mem_v2")
        row[2] += times * area
        row[3] += times * bits.get(name, 0)
    total = sum(row[2] for row in rows.values())
    print(f"{'block':24}{'instances':>10}{'cells':>12}{'um2':>16}{'share':>8}{'array bits':>12}{'fan-out':>9}")
    for name, (times, cells, area, array) in sorted(rows.items(), key=lambda item: -item[1][2]):
        print(f"{name:24}{times:>10,}{cells:>12,}{area:>16,.0f}{area / total if total else 0:>8.1%}{array:>12,}{fan_out[name]:>9,}")
    rom_count = sum(times for name, times in count.items() if name in rom)
    rom_bits = sum(times * rom[name] for name, times in count.items() if name in rom)
    print(f"{'ROM modules':24}{rom_count:>10,}{'':>12}{'':>16}{'':>8}{rom_bits:>12,}")
    print(f"{'all':24}{'':>10}{sum(row[1] for row in rows.values()):>12,}{total:>16,.0f}{'':>8}"
          f"{sum(row[3] for row in rows.values()) + rom_bits:>12,}")


main()
