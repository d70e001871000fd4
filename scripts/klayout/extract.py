"""Recovers the codes of a bank of ROM cells from geometry alone: KLayout's extraction of devices and nets is the judge.

    klayout -b -r scripts/klayout/extract.py -rd input=bank.gds -rd rules=data/rules/sky130.toml [-rd codes=bank.json]
        [-rd schematic=bank.sp] [-rd netlist=out.sp]

No name, label or cell hierarchy is used to find a weight. A cell is an n transistor with a terminal on ground: the net
that most n devices share. Its word line is the net of its gate, ordered by height; its column is a group of level
lines, nets that are long pieces of the line layer and no supply; its code is which line of the group its drain is on. Where a drain is
on no line, or on two, the extraction says so.

`codes`: JSON of `burin mask cell --json` to compare with. `schematic`: a SPICE netlist to compare with (LVS), with
device sizes. Exit code 1 where something differs.
"""
import json
import sys

import pya

try:
    import tomllib
except ImportError:  # KLayout with a Python before 3.11
    import tomli as tomllib


def read_rules(path):
    with open(path, "rb") as file:
        return tomllib.load(file)


class Extraction:
    """Nets and transistors of the top cell."""

    def __init__(self, path, process, flat=False):
        self.layout = pya.Layout()
        self.layout.read(path)
        self.top = self.layout.top_cell()
        if flat:
            self.top.flatten(True)
        self.l2n = pya.LayoutToNetlist(pya.RecursiveShapeIterator(self.layout, self.top, []))
        self.layers = process["layers"]
        layer = {role: self._layer(role) for role in self.layers}
        self._devices(layer)
        self._nets(layer)
        self.l2n.extract_netlist()

    def _layer(self, role):
        numbers = self.layers[role]["gds"]
        index = self.layout.layer(*numbers)
        region = self.l2n.make_layer(index, role)
        return region

    def _devices(self, layer):
        channel = layer["active"] & layer["gate"]
        self.source_drain = layer["active"] - layer["gate"]
        n_channel, p_channel = channel & layer["n_select"], channel & layer["p_select"]
        n_sd = (self.source_drain & layer["n_select"]) - layer["nwell"]
        p_sd = self.source_drain & layer["p_select"] & layer["nwell"]
        self.regions = {"n_sd": n_sd, "p_sd": p_sd}
        for name, region in self.regions.items():
            self.l2n.register(region, name)
        for name, gates, ends in (("NMOS", n_channel, n_sd), ("PMOS", p_channel, p_sd)):
            extractor = pya.DeviceExtractorMOS3Transistor(name)
            self.l2n.extract_devices(extractor, {"SD": ends, "G": gates, "P": layer["gate"],
                                                 "tS": ends, "tD": ends, "tG": layer["gate"]})

    def _nets(self, layer):
        # Vias join what they overlap. Contacts on active and on gates may share a layer of the process.
        for name in ("gate", "local", "strap", "line", "constant", "contact", "via0", "weight_via", "constant_via"):
            self.l2n.connect(layer[name])
        for region in self.regions.values():
            self.l2n.connect(region)
            self.l2n.connect(region, layer["contact"])
        if self.layers["gate_contact"]["gds"] == self.layers["contact"]["gds"]:
            self.l2n.connect(layer["gate"], layer["contact"])
        else:
            self.l2n.connect(layer["gate_contact"])
            self.l2n.connect(layer["gate"], layer["gate_contact"])
            self.l2n.connect(layer["gate_contact"], layer["local"])
        for below, via, above in (("local", "via0", "strap"), ("strap", "weight_via", "line"),
                                  ("line", "constant_via", "constant")):
            self.l2n.connect(layer[below], layer[via])
            self.l2n.connect(layer[via], layer[above])
        self.l2n.connect(layer["contact"], layer["local"])
        # Taps: substrate and wells are not nets of this three-terminal extraction, their metal is.
        self.region = layer

    def circuit(self):
        netlist = self.l2n.netlist()
        netlist.flatten()
        return netlist.circuit_by_name(self.top.name)


def boxes_of_net(extraction, net, role):
    """Rectangles of a net on one layer, in nanometres."""
    shapes = extraction.l2n.shapes_of_net(net, extraction.region[role], True)
    return [polygon.bbox() for polygon in shapes.each()]


def terminals(device):
    return {name: device.net_for_terminal(name) for name in ("S", "G", "D")}


def find_supply(devices):
    """Name of the net that most devices have at an end: ground of n devices, supply of p devices."""
    count = {}
    for device in devices:
        for name in ("S", "D"):
            net = terminals(device)[name]
            if net:
                count[net.expanded_name()] = count.get(net.expanded_name(), 0) + 1
    return max(count, key=count.get)


def group_lines(boxes, lines):
    """{left edge: (column, code)} of level lines: groups of `lines` neighbours at the smallest pitch."""
    lefts = sorted(boxes)
    steps = [b - a for a, b in zip(lefts, lefts[1:])]
    pitch = min(steps)
    groups, current = [], [lefts[0]]
    for left, step in zip(lefts[1:], steps):
        if step > 1.02 * pitch or len(current) == lines:
            groups.append(current)
            current = []
        current.append(left)
    groups.append(current)
    return [group for group in groups if len(group) == lines]


def recover(extraction, lines):
    """[[code]] by word line and column, and a list of complaints."""
    circuit = extraction.circuit()
    devices = [d for d in circuit.each_device() if d.device_class().name == "NMOS"]
    ground = find_supply(devices)
    supply = find_supply([d for d in circuit.each_device() if d.device_class().name == "PMOS"])
    complaints = []
    wire = {}   # net -> box of the line piece at the height of the array
    array = []  # (gate net, drain net, place)
    for device in devices:
        ends = terminals(device)
        names = {k: v.expanded_name() if v else None for k, v in ends.items()}
        drain = "D" if names["S"] == ground else "S"
        if names["S"] != ground and names["D"] != ground:
            complaints.append(f"n device at {device.trans.disp} has no end on ground")
            continue
        array.append((ends["G"], ends[drain], device.trans.disp))
    # A word line has a cell in every column; a gate of a driver or sense inverter has one n device.
    by_gate = {}
    for gate, drain, place in array:
        by_gate.setdefault(gate.expanded_name(), []).append((drain, place))
    rows = [cells for cells in by_gate.values() if len(cells) > 1]
    rows.sort(key=lambda cells: min(place.y for _, place in cells))
    lowest = min(place.y for cells in rows for _, place in cells)
    highest = max(place.y for cells in rows for _, place in cells)
    # Level lines: pieces of the line layer over the whole height of the cells.
    region = pya.Region(extraction.top.begin_shapes_rec(
        extraction.layout.layer(*extraction.layers["line"]["gds"]))).merged()
    supplies = {b.left for net in circuit.each_net() if net.expanded_name() in (ground, supply)
                for b in boxes_of_net(extraction, net, "line")}
    lefts = {p.bbox().left for p in region.each() if p.bbox().bottom <= lowest and p.bbox().top >= highest} - supplies
    groups = group_lines(lefts, lines)
    column_of = {left: (c, i) for c, group in enumerate(groups) for i, left in enumerate(group)}
    codes = []
    for r, cells in enumerate(rows):
        row = [None] * len(groups)
        for drain, place in cells:
            name = drain.expanded_name()
            if name not in wire:
                wire[name] = sorted({column_of[b.left] for b in boxes_of_net(extraction, drain, "line")
                                     if b.left in column_of})
            c = sum(1 for group in groups if group[-1] < place.x) if wire[name] == [] else wire[name][0][0]
            if len(wire[name]) != 1:
                complaints.append(f"row {r}, column near x = {place.x}: drain on {len(wire[name])} lines {wire[name]}")
                continue
            if row[c] is not None:
                complaints.append(f"row {r}, column {c}: a second cell")
            row[c] = wire[name][0][1]
        codes.append(row)
    return codes, complaints


def compare_codes(found, expected):
    differences = []
    if len(found) != len(expected):
        differences.append(f"{len(found)} word lines, expected {len(expected)}")
    for r, (a, b) in enumerate(zip(found, expected)):
        if len(a) != len(b):
            differences.append(f"row {r}: {len(a)} columns, expected {len(b)}")
        for c, (x, y) in enumerate(zip(a, b)):
            if x != y:
                differences.append(f"row {r}, column {c}: code {x}, expected {y}")
    return differences


def read_schematic(path):
    """A netlist of three-terminal transistors from `burin mask cell --netlist`; the bulk is left out."""
    netlist = pya.Netlist()
    classes = {}
    for name in ("NMOS", "PMOS"):
        classes[name] = pya.DeviceClassMOS3Transistor()
        classes[name].name = name
        netlist.add(classes[name])
    circuit = pya.Circuit()
    circuit.name = "BANK"
    netlist.add(circuit)
    nets = {}
    with open(path, encoding="utf-8") as file:
        for words in map(str.split, file):
            if not words or not words[0].startswith("M"):
                continue
            drain, gate, source, _, model, *sizes = words[1:]
            device = circuit.create_device(classes[model], words[0])
            for terminal, net in (("D", drain), ("G", gate), ("S", source)):
                if net not in nets:
                    nets[net] = circuit.create_net(net)
                device.connect_terminal(terminal, nets[net])
            for size in sizes:
                key, value = size.split("=")
                device.set_parameter(key, float(value.rstrip("U")))
    return netlist, nets


class Complaints(pya.GenericNetlistCompareLogger):
    """What does not match, one line each."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def net_mismatch(self, a, b, *_):
        self.lines.append(f"net {a.expanded_name() if a else '-'} of the layout, {b.name if b else '-'} of the netlist")

    def device_mismatch(self, a, b, *_):
        place = f"device at {a.trans.disp} um" if a else "no device"
        self.lines.append(f"{place} in the layout, {b.name if b else 'no device'} in the netlist")

    def match_devices_with_different_parameters(self, a, b):
        self.lines.append(f"device at {a.trans.disp} um has another size than {b.name}")


def compare_netlists(extraction, path):
    schematic, nets = read_schematic(path)
    circuit = extraction.circuit()
    layout = extraction.l2n.netlist()
    complaints = Complaints()
    comparer = pya.NetlistComparer(complaints)
    target = schematic.circuit_by_name("BANK")
    comparer.same_circuits(circuit, target)
    # Names of pins, as in every LVS: they settle which of many equal lines is which.
    seen = set()
    for net in circuit.each_net():
        for name in net.name.split(","):
            name = name.rsplit(".", 1)[-1]
            if name in nets and name not in seen:
                seen.add(name)
                comparer.same_nets(net, nets[name])
                break
    comparer.max_depth, comparer.max_branch_complexity = 50, 500
    equal = comparer.compare(layout, schematic)
    count = sum(1 for _ in target.each_device())
    return equal, count, complaints.lines


def main():
    process = read_rules(rules)
    extraction = Extraction(input, process)
    failed = False
    if "codes" in globals():
        with open(codes, encoding="utf-8") as file:
            bank = json.load(file)
        found, complaints = recover(extraction, bank["lines"])
        differences = complaints + compare_codes(found, bank["codes"])
        for text in differences[:20]:
            print(text)
        print(f"{sum(len(r) for r in found)} cells extracted, {len(differences)} differences")
        failed |= bool(differences)
    if "schematic" in globals():
        equal, count, complaints = compare_netlists(extraction, schematic)
        for text in complaints[:20]:
            print(text)
        print(f"{count} transistors: netlists {'match' if equal else 'differ'}")
        failed |= not equal
    if "netlist" in globals():
        writer = pya.NetlistSpiceWriter()
        extraction.circuit()
        extraction.l2n.netlist().write(netlist, writer)
    sys.stdout.flush()
    if failed:
        sys.exit(1)


main()
