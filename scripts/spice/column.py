#!/usr/bin/env python3
"""Delay, energy and disturbance of a bank's column against its rows: ngspice on a netlist with wires from the drawn cell.

usage: column.py --models sky130|freepdk45 --cards FOLDER [--rows 64,128,256,512] [--lines 16] [--loads full,even]
    [--keeper W/L] [--bias V] [--sense P/N] [--toml FILE] [--keep FOLDER]

The drawn sizes are those of `burin mask cell --json -` (environment BURIN names the program). Simulated are the last
lines of a column, a supply line behind them, and a line far away:

    third  beside  near  HOT  edge | supply                far

One line of a column falls in a read, HOT; all others are charged and float, as in the bank. `near` has HOT on one side and
floating lines on the other, `edge` HOT and the supply line. Rows are lumped into 16 sections of wire. Loads: `full` puts
every row's drain on the line that falls (a column of equal codes, the slowest), `even` one of `lines` on each line. Straps
hang on the line of their code and cross all lines of their column, so they couple too.

One read: lines are precharged, the precharge ends, word line 0 (the farthest from the sense inverters) opens through its
driver. Measured: from the word line at half supply to the inverter's output at half supply; the least voltages of lines
that should hold, while the read lasts; charge from the supply of one cycle with the precharge after it. `trip`: the voltage
at which the sense inverter's output equals its input. --keeper: with a p device of that width and length in micrometres
(drawn sizes of sky130) on each line, its gate on the inverter's output. --bias: the
precharge transistors are not closed during a read but hold weakly, their gates at V. --sense: widths of the inverter's p and n device.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SECTIONS = 16

# Wires of sky130, from the public parasitics table of the PDK: ohm a square, aF/um2, aF/um; coupling is
# sidewall / (space + offset) aF/um. The 45 nm column has the drawn sizes times 45/130 and the capacitance a length of
# sky130 (capacitance a length hardly changes with scale), resistance a square 0.38 (FreePDK45 metal2 in its LEF).
SKY130 = {
    "vdd": 1.8, "nmos": "sky130_fd_pr__nfet_01v8", "pmos": "sky130_fd_pr__pfet_01v8", "length": 0.15, "scale": 1.0,
    "line_ohm": 0.125, "strap_ohm": 0.125, "poly_ohm": 48.2, "via_ohm": 4.5, "contact_ohm": 185 + 9.3,
    "line_over_strap": 133.86, "line_over_gate": 24.5, "line_sidewall": 50, "line_offset": 0.3,
    "strap_over_gate": 44.81, "strap_sidewall": 44, "strap_offset": 0.25,
    "gate_area": 106.13, "gate_fringe": 55.27,
    "source": "SKY130 parasitics table (sheet and contact resistance, area, fringe, sidewall)",
}
FREEPDK45 = {**SKY130, "vdd": 1.1, "nmos": "NMOS_VTG", "pmos": "PMOS_VTG", "length": 0.05, "scale": 45 / 130,
             "line_ohm": 0.38, "strap_ohm": 0.38, "poly_ohm": 7.8, "via_ohm": 6, "contact_ohm": 10,
             "source": "drawn sizes of sky130 times 45/130; capacitance a length as sky130"}


def drawn(lines):
    burin = os.environ.get("BURIN", "build/release/burin")
    done = subprocess.run([burin, "mask", "cell", "--rules", "sky130", "--lines", str(lines), "--pattern", "none",
                           "--json", "-"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def cards(models, folder):
    """Lines of a netlist that make the device models known; sky130's files are unpacked by the caller."""
    folder = pathlib.Path(folder).resolve()
    if models == "freepdk45":
        return [f'.include "{folder}/NMOS_VTG.inc"', f'.include "{folder}/PMOS_VTG.inc"']
    names = [f"sky130_fd_pr__{kind}fet_01v8__{part}.spice" for kind in "np" for part in ("tt.corner", "mismatch.corner")]
    return [".option scale=1.0u", ".param mc_mm_switch=0 mc_pr_switch=0",
            *(f'.include "{folder}/{name}"' for name in names + ["lod.spice"])]


class Netlist:
    def __init__(self, p, sky, cell, args):
        self.p, self.sky, self.cell, self.lines, self.count = p, sky, cell, [], 0
        self.keeper, self.sense = args.keeper, args.sense
        self.bias = p["vdd"] if args.bias is None else args.bias

    def add(self, text):
        self.lines.append(text)

    def pulse(self, name, points):
        """A source between a node and ground; times in ns."""
        self.add(f"{name} 0 PWL(" + " ".join(f"{t:.6g}n {v:.6g}" for t, v in points) + ")")

    def mos(self, kind, drain, gate, source, width, copies=1, length=None):
        """A transistor; the diffusion's area and perimeter are those of a contacted drain, 0.265 um long at 130 nm."""
        self.count += 1
        p, length = self.p, length or self.p["length"]
        model, bulk = (p["nmos"], "0") if kind == "n" else (p["pmos"], "vdd")
        long = 0.265 * p["scale"]
        area, perimeter = width * long, 2 * (width + long)
        if self.sky:
            self.add(f"X{self.count} {drain} {gate} {source} {bulk} {model} w={width:.4g} l={length:.4g} "
                     f"ad={area:.4g} as={area:.4g} pd={perimeter:.4g} ps={perimeter:.4g} m={copies}")
        else:
            self.add(f"M{self.count} {drain} {gate} {source} {bulk} {model} w={width:.4g}u l={length:.4g}u "
                     f"ad={area:.4g}p as={area:.4g}p pd={perimeter:.4g}u ps={perimeter:.4g}u m={copies}")

    def res(self, a, b, ohm):
        self.count += 1
        self.add(f"R{self.count} {a} {b} {max(ohm, 1e-3):.5g}")

    def cap(self, a, b, attofarad):
        self.count += 1
        self.add(f"C{self.count} {a} {b} {attofarad:.5g}e-18")


class Wires:
    """Capacitances in aF and resistances in ohm of the drawn cell."""

    def __init__(self, p, d):
        s = p["scale"]
        um = {key: d[key + "_nm"] * 1e-3 * s
              for key in ("row_pitch", "line_pitch", "line_width", "strap_height", "edge_gap")}
        pitch, width, strap = um["row_pitch"], um["line_width"], um["strap_height"]
        self.lines, self.scale, self.p, self.pitch = d["lines"], s, p, pitch
        # Areas shrink by s^2 while distances between layers shrink by s: capacitance a length stays.
        area = 1 / s
        self.line_ohm = p["line_ohm"] * pitch / width  # of a row
        self.line_ground = width * (pitch - strap) * p["line_over_gate"] * area  # of a row, between straps
        self.cross = width * strap * p["line_over_strap"] * area  # of a line over a strap
        self.gap = um["line_pitch"] - width
        self.edge_gap = um["edge_gap"]
        length = self.lines * um["line_pitch"]
        self.strap_gate = length * strap * p["strap_over_gate"] * area
        self.strap_sides = length * 2 * p["strap_sidewall"] / (pitch - strap + p["strap_offset"] * s)
        self.drain_ohm = p["contact_ohm"] + p["via_ohm"] + p["strap_ohm"] * length / 2 / strap

    def coupling(self, gap):
        """Of two lines, a row."""
        return self.pitch * self.p["line_sidewall"] / (gap + self.p["line_offset"] * self.scale)


# Neighbours from left to right, then one that has none of them beside it.
COLUMN = ("third", "beside", "near", "hot", "edge")
LINES = (*COLUMN, "far")


def write_line(n, w, name, drains, rows):
    """A line in sections with its straps, closed cells, precharge and inverter; `drains`: rows on each line by name."""
    p, s, part = n.p, n.p["scale"], rows / SECTIONS
    # `far` is in another column, with straps of that column's other lines below it.
    others = [other for other in COLUMN if other != name] if name in COLUMN else []
    crossed = sum(drains[other] for other in others)  # straps that couple to lines of the netlist
    static = {"third": [w.gap], "edge": [w.edge_gap], "far": [w.gap, w.gap]}.get(name, [])
    cells = drains[name]
    # Straps of this line: to gates, to straps of other lines, to lines that are not simulated.
    strap = w.strap_gate + w.strap_sides * (1 - cells / rows) + w.cross * (w.lines - 1 - len(others))
    ground = (w.line_ground + sum(map(w.coupling, static))) * rows + w.cross * (rows - cells - crossed) + strap * cells
    for i in range(SECTIONS):
        b = f"{name}{i + 1}"
        n.res(f"{name}{i}", b, w.line_ohm * part)
        n.cap(b, "0", ground / SECTIONS)
        if cells > 0:
            n.mos("n", b, "0", "0", n.cell, f"{cells / SECTIONS:.4g}")
        if name in COLUMN[:-1]:
            n.cap(b, f"{COLUMN[COLUMN.index(name) + 1]}{i + 1}", w.coupling(w.gap) * part)
        for other in others:
            if drains[other] > 0:  # straps of the other line below this one
                n.cap(b, f"{other}{i + 1}", w.cross * drains[other] / SECTIONS)
    top = f"{name}{SECTIONS}"
    n.mos("p", top, "pre", "vdd", 0.42 * s)
    n.mos("p", f"{name}_out", top, "vdd", n.sense[0] * s)
    n.mos("n", f"{name}_out", top, "0", n.sense[1] * s)
    n.cap(f"{name}_out", "0", 5000 * s)
    if n.keeper:
        n.mos("p", top, f"{name}_out", "vdd", n.keeper[0] * s, length=n.keeper[1] * s)


def write_column(n, w, rows, load, head):
    """Netlist of one read; times in ns."""
    p, s, vdd = n.p, n.p["scale"], n.p["vdd"]
    drains = {name: (rows if name == "hot" else 0) if load == "full" else rows / w.lines for name in LINES}
    n.lines += ["* one read of a column: " + f"{rows} rows, load {load}", *head]
    n.add(f"VDD vdd 0 {vdd}")
    slow = 1.0 if n.sky else 0.25
    cycle, pre_end, open_at, close_at = (t * slow * (1 + rows / 128) for t in (24, 5, 6, 18))
    edge = 0.1 * slow
    n.pulse("VPRE pre", [(0, 0), (pre_end, 0), (pre_end + edge, n.bias), (close_at + 0.5, n.bias), (close_at + 0.5 + edge, 0)])
    n.pulse("VIN in", [(0, vdd), (open_at, vdd), (open_at + edge, 0), (close_at, 0), (close_at + edge, vdd)])
    # The driver and the far end of a word line of one segment: its wire and gates belong to the row, not the column.
    n.mos("p", "wl", "in", "vdd", 3.36 * s)
    n.mos("n", "wl", "in", "0", 1.68 * s)
    for name in LINES:
        write_line(n, w, name, drains, rows)
    n.mos("n", "drain", "wl", "0", n.cell)
    n.res("drain", "hot0", w.drain_ohm)
    n.cap("drain", "0", w.strap_gate + w.strap_sides)
    step = 0.012 * slow * (1 + rows / 128)
    held = f"FROM={open_at:.6g}n TO={close_at:.6g}n"
    n.lines += [f".tran {step:.4g}n {cycle:.6g}n", ".control", "run",
                f"meas tran t_wl WHEN v(wl)={vdd / 2} RISE=1", f"meas tran t_out WHEN v(hot_out)={vdd / 2} RISE=1",
                f"meas tran hot_end FIND v(hot16) AT={close_at:.6g}n",
                *(f"meas tran {name}_min MIN v({name}16) {held}" for name in ("near", "edge", "far")),
                *(f"meas tran {name}_out MAX v({name}_out) {held}" for name in ("near", "edge")),
                f"meas tran q INTEG i(VDD) FROM={pre_end:.6g}n TO={cycle * 0.999:.6g}n",
                "wrdata wave.dat v(wl) v(hot16) v(near16) v(edge16) v(far16) v(hot_out)", ".endc", ".end"]
    return "\n".join(n.lines) + "\n"


def write_trip(n, head):
    """Netlist of the sense inverter with its output on its input."""
    n.lines += ["* where the sense inverter trips", *head, f"VDD vdd 0 {n.p['vdd']}"]
    n.mos("p", "out", "out", "vdd", n.sense[0] * n.p["scale"])
    n.mos("n", "out", "out", "0", n.sense[1] * n.p["scale"])
    n.lines += [".op", ".control", "run", "print v(out)", ".endc", ".end"]
    return "\n".join(n.lines) + "\n"


def simulate(netlist, folder, name):
    """What ngspice prints as NAME = VALUE."""
    path = pathlib.Path(folder) / f"{name}.sp"
    path.write_text(netlist)
    done = subprocess.run(["ngspice", "-b", path.name], cwd=folder, capture_output=True, text=True, timeout=1800)
    values = {k: float(v) for k, v in re.findall(r"^([a-z_]\w*(?:\(out\))?)\s*=\s*([-+0-9.e]+)", done.stdout, re.MULTILINE)}
    wave = pathlib.Path(folder) / "wave.dat"
    if wave.exists():
        wave.rename(pathlib.Path(folder) / f"{name}.dat")
    return values, f"{path}:\n{done.stdout[-1500:]}{done.stderr[-1500:]}"


def read(p, args, d, rows, load, folder):
    """One simulated read as a row of results."""
    sky, w = args.models == "sky130", Wires(p, d)
    n = Netlist(p, sky, d["transistor_width_nm"] * 1e-3 * p["scale"], args)
    m, text = simulate(write_column(n, w, rows, load, cards(args.models, args.cards)), folder,
                       f"{args.models}_{rows}_{load}")
    wanted = {"t_wl", "t_out", "hot_end", "near_min", "edge_min", "far_min", "near_out", "edge_out", "q"}
    if not wanted <= set(m):
        raise SystemExit(f"column.py: ngspice gave {sorted(m)} for {text}")
    return {"rows": rows, "load": load, "delay_ns": (m["t_out"] - m["t_wl"]) * 1e9, "energy_fJ": -m["q"] * p["vdd"] * 1e15,
            "line_end_V": m["hot_end"], "neighbour_least_V": m["near_min"], "far_least_V": m["far_min"],
            "edge_least_V": m["edge_min"], "neighbour_out_V": max(m["near_out"], m["edge_out"])}


def pair(text):
    first, second = map(float, text.split("/"))
    return first, second


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", choices=["sky130", "freepdk45"], required=True)
    parser.add_argument("--cards", required=True, help="folder with the model cards (sky130: gunzip'd)")
    parser.add_argument("--rows", default="64,128,256,512")
    parser.add_argument("--lines", type=int, default=16)
    parser.add_argument("--keeper", type=pair, help="width/length of a keeper on each line, um")
    parser.add_argument("--bias", type=float, help="gates of the precharge during a read, V; the supply: closed")
    parser.add_argument("--sense", type=pair, default=(0.84, 0.84), help="p/n widths of the sense inverter, um; 0.84/0.84")
    parser.add_argument("--loads", default="full,even")
    parser.add_argument("--toml", help="file to write")
    parser.add_argument("--keep", help="folder for netlists and waves")
    args = parser.parse_args()
    p = SKY130 if args.models == "sky130" else FREEPDK45
    d, results, vdd = drawn(args.lines), [], p["vdd"]
    folder = args.keep or tempfile.mkdtemp(prefix="burin-column-")
    os.makedirs(folder, exist_ok=True)
    found, text = simulate(write_trip(Netlist(p, args.models == "sky130", 0, args), cards(args.models, args.cards)), folder,
                           f"{args.models}_trip")
    if "v(out)" not in found:
        raise SystemExit(f"column.py: ngspice gave {sorted(found)} for {text}")
    trip = found["v(out)"]
    print(f"{args.models}: the sense inverter trips at {trip:.3f} of {vdd} V")
    for rows in map(int, args.rows.split(",")):
        for load in args.loads.split(","):
            row = read(p, args, d, rows, load, folder)
            least = min(row["neighbour_least_V"], row["edge_least_V"])
            row["disturb_mV"], row["margin_mV"] = (vdd - least) * 1e3, (least - trip) * 1e3
            results.append(row)
            print(f"{args.models} {rows:4d} rows, {load}: {row['delay_ns']:.3f} ns, {row['energy_fJ']:.0f} fJ; falls to "
                  f"{row['line_end_V']:.3f} V, held: neighbour {row['neighbour_least_V']:.3f} V, edge "
                  f"{row['edge_least_V']:.3f} V, far {row['far_least_V']:.3f} V; {row['margin_mV']:.0f} mV above trip, "
                  f"outputs below {row['neighbour_out_V']:.3f} V", flush=True)
            if row["line_end_V"] > 0.1 * vdd or row["neighbour_out_V"] > 0.5 * vdd:
                print("column.py: the read is wrong: " + ("the line does not fall" if row["line_end_V"] > 0.1 * vdd else
                                                          "a line that should hold reads as fallen"))
    if args.toml:
        write_toml(args, p, d, trip, results)


def write_toml(args, p, d, trip, results):
    keys = ("rows", "load", "delay_ns", "energy_fJ", "line_end_V", "neighbour_least_V", "far_least_V", "edge_least_V",
            "disturb_mV", "margin_mV")
    sense_option = "" if args.sense == (0.84, 0.84) else f" --sense {args.sense[0]:g}/{args.sense[1]:g}"
    bias_option = "" if args.bias is None else f" --bias {args.bias:g}"
    keeper_option = f" --keeper {args.keeper[0]:g}/{args.keeper[1]:g}" if args.keeper else ""
    text = [f"# One read of a column of {args.lines} lines: scripts/spice/column.py (docs/masks.md, Physics).",
            f'command = "scripts/spice/column.py --models {args.models} --cards FOLDER --lines {args.lines} --rows {args.rows}'
            f'{keeper_option}{bias_option}{sense_option}"',
            f'models = "{args.models}, typical, {p["vdd"]} V, 27 C"', f'wires = "{p["source"]}"',
            f"supply_V = {p['vdd']}", f"trip_V = {trip:.4g}", f"lines = {args.lines}",
            f"row_pitch_um = {d['row_pitch_nm'] * 1e-3 * p['scale']:.4g}",
            f"transistor_width_um = {d['transistor_width_nm'] * 1e-3 * p['scale']:.4g}", ""]
    for row in results:
        text.append("[[read]]")
        text += [f'{k} = "{row[k]}"' if isinstance(row[k], str) else f"{k} = {row[k]:.4g}" for k in keys]
        text.append("")
    pathlib.Path(args.toml).write_text("\n".join(text))


if __name__ == "__main__":
    sys.exit(main())
