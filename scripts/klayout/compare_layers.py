"""Counts what two files of one programmed layer do not share: the foreign judge of `burin mask diff`.

    klayout -b -r scripts/klayout/compare_layers.py -rd first=A/weights.oas -rd second=B/weights.oas [-rd report=x.json]

KLayout's comparison of layouts goes through all rectangles of all cells, repetitions written out. Prints how many vias are in
the first file alone and in the second alone: a via that moves is one of each.
"""
import json

import pya


class Counter(pya.LayoutDiff):
    """Rectangles that one of two layouts has alone, by cell."""

    def __init__(self):
        super().__init__()
        self.cells, self.cell = {}, None
        self.other = 0
        self.on_begin_cell = self.begin_cell
        self.on_box_in_a_only = lambda box, _: self.count(0)
        self.on_box_in_b_only = lambda box, _: self.count(1)
        for event in ("polygon", "path", "edge", "text", "instance", "cell"):
            for side in ("a", "b"):
                setattr(self, f"on_{event}_in_{side}_only", self.something_else)
        self.on_layer_in_a_only = self.on_layer_in_b_only = self.something_else

    def begin_cell(self, a, b):
        self.cell = a.name

    def count(self, side):
        self.cells.setdefault(self.cell, [0, 0])[side] += 1

    def something_else(self, *_):
        self.other += 1


def load(path):
    layout = pya.Layout()
    layout.read(path)
    return layout


def main():
    counter = Counter()
    counter.compare(load(first), load(second), pya.LayoutDiff.Verbose)
    only = [sum(c[side] for c in counter.cells.values()) for side in (0, 1)]
    print(f"{only[0]} rectangles in the first file alone, {only[1]} in the second, {len(counter.cells)} cells differ, "
          f"{counter.other} other differences")
    if "report" in globals():
        with open(report, "w", encoding="utf-8") as file:
            json.dump({"only_first": only[0], "only_second": only[1], "other": counter.other,
                       "cells": {name: sum(c) for name, c in counter.cells.items()}}, file)


main()
