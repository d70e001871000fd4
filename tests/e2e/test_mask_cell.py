"""The drawn ROM before a foreign judge: KLayout's rule checks, extraction and netlist comparison."""
import json
import shutil
import struct
import subprocess
import unittest

from harness import SOURCE, BurinTest

KLAYOUT = SOURCE / "scripts" / "klayout"
needs_klayout = unittest.skipUnless(shutil.which("klayout"), "no klayout")


def boundary(layer, box):
    """A rectangle as GDSII records; box in nanometres."""
    x0, y0, x1, y1 = box
    points = [x0, y0, x1, y0, x1, y1, x0, y1, x0, y0]
    return (struct.pack(">HH", 4, 0x0800) + struct.pack(">HHh", 6, 0x0D02, layer[0]) +
            struct.pack(">HHh", 6, 0x0E02, layer[1]) + struct.pack(">HH10i", 44, 0x1003, *points) +
            struct.pack(">HH", 4, 0x1100))


def vias(data, layer):
    """(offset, box) of the rectangles of a layer that a file holds, by its records."""
    head = struct.pack(">HHh", 6, 0x0D02, layer[0]) + struct.pack(">HHh", 6, 0x0E02, layer[1])
    at, found = data.find(head), []
    while at >= 0:
        points = struct.unpack(">10i", data[at + 16:at + 56])
        found.append((at - 4, (points[0], points[1], points[4], points[5])))
        at = data.find(head, at + 1)
    return found


class MaskCellTest(BurinTest):
    def draw(self, rules, *options):
        """Paths of a bank, its codes and its netlist."""
        names = [self.folder / f"{rules}.{end}" for end in ("gds", "json", "cir")]
        self.burin("mask", "cell", "--rules", rules, "-o", names[0], "--json", names[1], "--netlist", names[2], *options)
        return names

    def klayout(self, script, rules, bank, **variables):
        command = ["klayout", "-b", "-r", KLAYOUT / script, "-rd", f"input={bank}", "-rd",
                   f"rules={SOURCE / 'data' / 'rules' / (rules + '.toml')}"]
        for key, value in variables.items():
            command += ["-rd", f"{key}={value}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=self.folder, check=False)
        return done.returncode, done.stdout + done.stderr

    def append(self, bank, *shapes):
        """The bank with rectangles more in its top cell: before the records that end it and the file."""
        data = bank.read_bytes()
        changed = self.folder / "changed.gds"
        changed.write_bytes(data[:-8] + b"".join(boundary(*shape) for shape in shapes) + data[-8:])
        return changed

    def test_bad_input(self):
        self.refuse("mask", "cell", "--rules", "sky13", says=["sky13", "sky130"])
        self.refuse("mask", "cell", "--lines", "12", says=["lines", "12", "power of two"])
        self.refuse("mask", "cell", "--rows", "6", says=["rows", "multiple of 4"])
        self.refuse("mask", "cell", "--pattern", "stripes", says=["stripes", "all-pairs"])
        self.refuse("mask", "cell", "--pattern", "all-pairs", says=["all-pairs", "72 rows and 17 columns"])
        self.refuse("mask", "cell", "-o", "nowhere/x.gds", says=["nowhere"])
        text = (SOURCE / "data" / "rules" / "sky130.toml").read_text()
        (self.folder / "less.toml").write_text(text.replace('"strap.space" = ', '"strap.spade" = '))
        self.refuse("mask", "cell", "--rules", "less.toml", "-o", "x.gds", says=["less.toml", "strap.space", "missing"])
        self.assertFalse((self.folder / "x.gds").exists())

    @needs_klayout
    def test_every_code_beside_every_code_breaks_no_rule(self):
        for rules in ("sky130", "asap7"):
            bank, _, _ = self.draw(rules, "--rows", 72, "--cols", 17, "--pattern", "all-pairs", "--constant-words", 2,
                                   "--constant-bits", 3)
            code, text = self.klayout("rules.drc", rules, bank)
            self.assertEqual(code, 0, text)
            self.assertRegex(text, r"\n?\d\d checks, 0 violations")

    @needs_klayout
    def test_planted_violations_are_found(self):
        bank, _, _ = self.draw("sky130", "--rows", 8, "--cols", 4)
        site = vias(bank.read_bytes(), (68, 44))[-1][1]  # the via of the last cell
        x, y = site[0], site[1]
        far = -40000
        planted = self.append(
            bank,
            ((68, 44), (x + 200, y, x + 350, y + 150)),              # weight_via.space: 50 beside a via
            ((68, 44), (x, y + 5000, x + 130, y + 5150)),            # weight_via.size
            ((69, 20), (far, far, far + 100, far + 2000)),           # line.width
            ((69, 20), (far + 200, far, far + 600, far + 2000)),     # line.space to it
            ((68, 20), (far, far + 4000, far + 140, far + 4200)),    # strap.area
            ((66, 20), (far, far + 8000, far + 150, far + 9000)),    # gate.space and .width with the next
            ((66, 20), (far + 250, far + 8000, far + 350, far + 9000)),
            ((64, 20), (far, far + 12000, far + 500, far + 13000)))  # nwell.width
        code, text = self.klayout("rules.drc", "sky130", planted)
        self.assertEqual(code, 1, text)
        for rule in ("weight_via.space", "weight_via.size", "weight_via.in.strap", "line.width", "line.space", "strap.area",
                     "gate.space", "gate.width", "nwell.width"):
            self.assertIn(rule + ":", text)

    @needs_klayout
    def test_extraction_recovers_every_code_and_the_netlist(self):
        for rules, rows, cols in (("sky130", 64, 64), ("asap7", 16, 9)):
            bank, codes, netlist = self.draw(rules, "--rows", rows, "--cols", cols)
            code, text = self.klayout("extract.py", rules, bank, codes=codes, schematic=netlist)
            self.assertEqual(code, 0, text)
            self.assertIn(f"{rows * cols} cells extracted, 0 differences", text)
            self.assertIn("netlists match", text)

    @needs_klayout
    def test_a_moved_via_a_short_and_an_open_are_found(self):
        bank, codes, netlist = self.draw("sky130", "--rows", 8, "--cols", 4)
        data = bytearray(bank.read_bytes())
        program = vias(bytes(data), (68, 44))[-8 * 4:]  # the program's cell comes last
        pitch = json.loads(codes.read_text())["line_pitch_nm"]
        table = json.loads(codes.read_text())["codes"]
        # Row 2, column 1 moves by one line; row 4, column 0 loses its via; row 6, column 3 gets a second.
        step = pitch if table[2][1] < 15 else -pitch
        at, box = program[2 * 4 + 1]
        moved = boundary((68, 44), (box[0] + step, box[1], box[2] + step, box[3]))
        data[at:at + len(moved)] = moved
        at, box = program[4 * 4]
        gone = boundary((99, 0), box)
        data[at:at + len(gone)] = gone
        (self.folder / "edited.gds").write_bytes(data)
        box = program[6 * 4 + 3][1]
        step = pitch if table[6][3] < 15 else -pitch
        edited = self.append(self.folder / "edited.gds", ((68, 44), (box[0] + step, box[1], box[2] + step, box[3])))
        code, text = self.klayout("extract.py", "sky130", edited, codes=codes, schematic=netlist)
        self.assertEqual(code, 1, text)
        new = table[2][1] + (1 if table[2][1] < 15 else -1)
        self.assertIn(f"row 2, column 1: code {new}, expected {table[2][1]}", text)
        self.assertIn("row 4, column 0: code None", text)
        self.assertIn("row 6", text)
        self.assertIn("netlists differ", text)


if __name__ == "__main__":
    unittest.main()
