#!/usr/bin/env python3
"""Changes one bit of a chip at a time and sees that the bench finds it. usage: sim/mutate.py

In the folder that `burin rtl` wrote, behind `make sim`. Weights, scales, rotary angles, shifts and the program are data
files that the simulation reads when it starts, so nothing is compiled.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = "build/verilator/Vburin_chip"


def roms():
    """{what the ROM holds: its data file} from the comments of burin_roms.sv."""
    text = (HERE / "burin_roms.sv").read_text()
    found = re.findall(r"^// (.+): (\d+) words of (\d+) bits\.\nmodule (\w+) ", text, re.MULTILINE)
    return {what: (name, int(width)) for what, _, width, name in found}


def flip(folder, name, line, bit):
    """One bit of a word of a ROM."""
    path = folder / "rom" / f"{name}.hex"
    lines = path.read_text().split("\n")
    digits = len(lines[line])
    lines[line] = f"{int(lines[line], 16) ^ 1 << bit:0{digits}x}"
    path.write_text("\n".join(lines))


def copy(folder):
    shutil.copytree(HERE, folder, dirs_exist_ok=True, ignore=lambda d, names: ["build"] if pathlib.Path(d) == HERE else [])


def run(folder, program):
    done = subprocess.run([program, "sim/trace.hex", *(["sim/adapter.hex"] if (folder / "sim/adapter.hex").exists() else [])],
                          cwd=folder, capture_output=True, text=True, timeout=900, check=False)
    failed = [line for line in done.stdout.splitlines() if "FAILED" in line]
    first = failed[0] if failed else (done.stderr.strip() or "nothing")
    return done.returncode != 0, first


def report(name, found, first):
    print(f"{'found ' if found else 'MISSED'}  {name:58} {first}", flush=True)
    return found


def data_mutations():
    """(name, ROM, line, bit): in each, one bit that the trace must feel."""
    have = roms()
    fabric = (HERE / "burin_fabric.sv").read_text()
    banks = re.findall(r"// Bank (\d+): (\S+) row block (\d+), columns (\d+) to (\d+)", fabric)
    layers = [b for b in banks if ".layers." in b[1]]
    for number, matrix, *_ in (layers[0], layers[len(layers) // 2], layers[-1]):
        name, width = have[f"bank{number} codes"]
        bits = 4 if width % 4 == 0 else 3
        yield f"weight of {matrix}, row 5 column 3", name, 5, 3 * bits + 2
        yield f"scale of {matrix}, column 1", have[f"bank{number} scales"][0], 0, 8 + 4
    yield "rotary angle, fine turn 1", have["rotary_fine_rom"][0], half(), 12
    yield "program: exponent of the first collect", have["program_rom"][0], step_of(4), 84
    yield "program: target of the first collect", have["program_rom"][0], step_of(4), 52
    yield "program: op of the first norm", have["program_rom"][0], step_of(1), 1
    yield "program: word lines of the first pass", have["program_rom"][0], step_of(3), 68 + 5


def half():
    return int(re.search(r"\.HEAD_DIM\s+\((\d+)\)", (HERE / "burin_chip.sv").read_text()).group(1)) // 2


def step_of(op):
    """The first step of that op."""
    words = (HERE / "rom" / f"{roms()['program_rom'][0]}.hex").read_text().split()
    return next(i for i, word in enumerate(words) if int(word, 16) & 15 == op)


def main():
    program = HERE / PROGRAM
    if not program.exists():
        raise SystemExit("mutate: run make sim first")
    failures, count = 0, 0
    with tempfile.TemporaryDirectory(prefix="burin-mutate-") as temporary:
        folder = pathlib.Path(temporary)
        copy(folder)
        found, first = run(folder, program)
        if found:
            raise SystemExit(f"mutate: the unchanged chip fails: {first}")
        for name, rom, line, bit in data_mutations():
            flip(folder, rom, line, bit)
            failures += not report(name, *run(folder, program))
            flip(folder, rom, line, bit)
            count += 1
    print(f"{count - failures} passed, {failures} failed")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
