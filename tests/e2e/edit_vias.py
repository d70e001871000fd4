"""KLayout script: copies of a weights file with one via moved, removed and added, and counts of vias.

    klayout -b -r edit_vias.py -rd weights=weights.oas -rd out=FOLDER -rd other=OTHER.oas

Writes moved.oas, removed.oas, added.oas and report.json: where the edits are, the vias of the file, and how many places
have a via in one of `weights` and `other` alone.
"""
import json
import os

import pya


def load(path):
    layout = pya.Layout()
    layout.read(path)
    return layout


def bank(layout, name):
    return layout.cell(name)


def save(layout, name):
    options = pya.SaveLayoutOptions()
    options.format = "OASIS"
    layout.write(os.path.join(out, name), options)


def boxes(layout):
    """{cell: set of lower left corners}."""
    index = layout.layer_indexes()[0]
    return {cell.name: {(s.box.left, s.box.bottom) for s in cell.shapes(index).each()} for cell in layout.each_cell()}


report = {}
first = load(weights)
index = first.layer_indexes()[0]
cell = bank(first, "bank_1")
shapes = sorted(cell.shapes(index).each(), key=lambda s: (s.box.bottom, s.box.left))
edges = sorted({s.box.left for s in shapes})
report["vias"] = sum(c.shapes(index).size() for c in first.each_cell())
victim = shapes[100]
box = pya.Box(victim.box)
taken = {(s.box.left, s.box.bottom) for s in shapes}
# A free site of the same row: another place where some row has a via, between this via and the next.
free = next(x for x in edges if x > box.left and (x, box.bottom) not in taken)
report["row_bottom"], report["from"], report["to"] = box.bottom, box.left, free
cell.shapes(index).erase(victim)
save(first, "removed.oas")
cell.shapes(index).insert(pya.Box(free, box.bottom, free + box.width(), box.top))
save(first, "moved.oas")
cell.shapes(index).insert(box)
save(first, "added.oas")
if other:
    a, b = boxes(load(weights)), boxes(load(other))
    report["only_first"] = sum(len(a[n] - b.get(n, set())) for n in a)
    report["only_second"] = sum(len(b[n] - a.get(n, set())) for n in b)
with open(os.path.join(out, "report.json"), "w") as file:
    json.dump(report, file)
