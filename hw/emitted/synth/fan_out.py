#!/usr/bin/env python3
"""The net of a module that drives most: a line 'MODULE LOADS NET'. usage: fan_out.py OUTPUTS MODULE.json

OUTPUTS is merge_liberty.py's list of output pins, MODULE.json what yosys' `json` writes of a mapped module. A load is an input pin of a cell or a bit of an input port of an
instance. Clocks and resets (nets of the ports `clk` and `reset`) are left out: their trees are the layout tool's.
"""
import collections
import json
import sys


def largest(module, outputs):
    """(loads, name) of the net that drives most."""
    nets = module["netnames"]
    skipped = {bit for name in ("clk", "reset") for bit in nets.get(name, {"bits": []})["bits"]}
    loads = collections.Counter()
    for cell in module["cells"].values():
        for port, bits in cell["connections"].items():
            if outputs.get(cell["type"]) is not None:
                drives = port in outputs[cell["type"]]
            else:
                drives = cell["port_directions"][port] != "input"
            if not drives:
                loads.update(bit for bit in bits if isinstance(bit, int) and bit not in skipped)
    if not loads:
        return 0, "-"
    bit, count = loads.most_common(1)[0]
    # A name of the source before one that yosys made.
    names = sorted((name.startswith("$"), len(name), name, net["bits"]) for name, net in nets.items() if bit in net["bits"])
    _, _, name, bits = names[0]
    return count, f"{name}[{bits.index(bit)}]" if len(bits) > 1 else name


def main():
    with open(sys.argv[1]) as file:
        outputs = {cell: pins for cell, *pins in map(str.split, file)}
    with open(sys.argv[2]) as file:
        design = json.load(file)
    for name, module in design["modules"].items():
        if module["cells"]:
            print(name, *largest(module, outputs))


main()
