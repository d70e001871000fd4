#!/usr/bin/env python3
"""Broadcast trees of a bank as yosys maps it to hw/test/cells.lib: a repeater has a buffer a bit, no repeater has more than 16
behind it, and no net of the bank drives more cells in a bank of twice the columns. usage: fan_out.py; 77 without yosys.
"""
import collections
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HW = pathlib.Path(__file__).resolve().parent.parent


def mapped(folder, columns):
    """{block: largest fan-out} and yosys' table of cells, of a bank with so many columns."""
    folder.mkdir()
    (folder / "hw").symlink_to(HW)
    (folder / "synth").symlink_to(HW / "emitted" / "synth")
    environment = os.environ | {
        "LIB": str(HW / "test" / "cells.lib"), "TOP": "burin_bank",
        "FILES": "hw/burin_bank.sv hw/burin_broadcast.sv hw/burin_repeater.sv",
        "PARAMETERS": f"COLUMNS {columns} LEVELS 8 LANES 8 SCALERS 2"}
    run = subprocess.run(["yosys", "-q", "-c", "synth/area.tcl"], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"fan_out: yosys failed:\n{(run.stdout + run.stderr)[-2000:]}")
    fan_out = collections.Counter()
    for line in (folder / "build/synth/fan_out.txt").read_text().splitlines():
        name, loads, _ = line.split()
        block = name.split("\\")[1] if name.startswith("$paramod") else name
        fan_out[block] = max(fan_out[block], int(loads))
    return fan_out, (folder / "build/synth/stat.txt").read_text()


def main():
    if not shutil.which("yosys"):
        print("skipped: no yosys (apt-get install yosys)")
        return 77
    failed = passed = 0

    def check(what, good):
        nonlocal failed, passed
        passed, failed = passed + good, failed + (not good)
        print("ok    " if good else "FAILED", what)

    with tempfile.TemporaryDirectory(prefix="burin-fan-out-") as temporary:
        small, _ = mapped(pathlib.Path(temporary) / "16", 16)
        large, table = mapped(pathlib.Path(temporary) / "32", 32)
    check(f"a repeater drives through a cell: {large['burin_repeater']} load a bit", large["burin_repeater"] == 1)
    check("that cell is the library's buffer", "BUF" in table.split("burin_repeater", 1)[1])
    check(f"a net of a tree has {large['burin_broadcast']} repeaters, of 16", large["burin_broadcast"] == 16)
    check(f"a net of a bank of 32 columns drives {large['burin_bank']} cells, of 16 columns {small['burin_bank']}",
          large["burin_bank"] < 1.5 * small["burin_bank"])
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
