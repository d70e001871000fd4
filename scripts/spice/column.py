#!/usr/bin/env python3
"""Delay and energy of a bank's column against its rows: ngspice on a netlist with wires from the drawn cell.

usage: column.py --models sky130|freepdk45 --cards FOLDER [--rows 64,128,256,512] [--lines 16] [--toml FILE] [--keep FOLDER]

The drawn sizes are those of `burin mask cell --json -` (environment BURIN names the program). A column is simulated with
the line that falls, its two neighbours and one line far away; rows are lumped into 16 sections of wire. Loads: `full` puts
every row's drain on the line that falls (a column of equal codes, the slowest), `even` one of `lines` on each line.

One read: lines are precharged, the precharge ends, word line 0 (the farthest from the sense inverter) opens through its
driver. Measured: from the word line at half supply to the inverter's output at half supply; the least voltage of the
neighbour and of the far line while the read lasts; charge from the supply of one whole cycle with the precharge after it.
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
    def __init__(self, p, sky):
        self.p, self.sky, self.lines, self.count = p, sky, [], 0

    def add(self, text):
        self.lines.append(text)

    def mos(self, kind, drain, gate, source, width, copies=1):
        """A transistor; the diffusion's area and perimeter are those of a contacted drain, 0.265 um long at 130 nm."""
        self.count += 1
        p = self.p
        model, bulk = (p["nmos"], "0") if kind == "n" else (p["pmos"], "vdd")
        long = 0.265 * p["scale"]
        area, perimeter = width * long, 2 * (width + long)
        if self.sky:
            self.add(f"X{self.count} {drain} {gate} {source} {bulk} {model} w={width:.4g} l={p['length']} "
                     f"ad={area:.4g} as={area:.4g} pd={perimeter:.4g} ps={perimeter:.4g} m={copies}")
        else:
            self.add(f"M{self.count} {drain} {gate} {source} {bulk} {model} w={width:.4g}u l={p['length']}u "
                     f"ad={area:.4g}p as={area:.4g}p pd={perimeter:.4g}u ps={perimeter:.4g}u m={copies}")

    def res(self, a, b, ohm):
        self.count += 1
        self.add(f"R{self.count} {a} {b} {max(ohm, 1e-3):.5g}")

    def cap(self, a, b, attofarad):
        self.count += 1
        self.add(f"C{self.count} {a} {b} {attofarad:.5g}e-18")


def wires(p, d):
    """Per row: ohm and aF of a line, to ground and to each neighbour; aF of a strap; ohm from drain to line."""
    s = p["scale"]
    pitch, line_pitch = d["row_pitch_nm"] * 1e-3 * s, d["line_pitch_nm"] * 1e-3 * s
    width, strap = 0.26 * s, 0.26 * s
    space = line_pitch - width
    # Areas shrink by s^2 while distances between layers shrink by s: capacitance a length stays.
    area = 1 / s
    over = width * (strap * p["line_over_strap"] + (pitch - strap) * p["line_over_gate"]) * area
    couple = pitch * p["line_sidewall"] / (space + p["line_offset"] * s)
    strap_length = d["lines"] * line_pitch
    strap_space = pitch - strap
    strap_cap = strap_length * (strap * p["strap_over_gate"] * area +
                                2 * p["strap_sidewall"] / (strap_space + p["strap_offset"] * s))
    strap_cap += d["lines"] * width * strap * p["line_over_strap"] * area
    return {"line_ohm": p["line_ohm"] * pitch / width, "line_ground": over, "line_couple": couple, "strap": strap_cap,
            "drain_ohm": p["contact_ohm"] + p["via_ohm"] + p["strap_ohm"] * strap_length / 2 / strap}


def write_column(p, sky, d, rows, load, head):
    """Netlist of one read; times in ns."""
    n, w, s = Netlist(p, sky), wires(p, d), p["scale"]
    vdd, cell = p["vdd"], d["transistor_width_nm"] * 1e-3 * s
    per_section = rows / SECTIONS
    on_line = {"hot": rows if load == "full" else rows / d["lines"],
               "near": 0 if load == "full" else rows / d["lines"], "far": 0 if load == "full" else rows / d["lines"]}
    n.lines += ["* one read of a column: " + f"{rows} rows, load {load}", *head]
    n.add(f"VDD vdd 0 {vdd}")
    slow = 1.0 if sky else 0.25
    cycle, pre_end, open_at, close_at = (t * slow * (1 + rows / 128) for t in (24, 5, 6, 18))
    edge = 0.1 * slow
    n.add(f"VPRE pre 0 PWL(0 0 {pre_end} {0} {pre_end + edge} {vdd} {close_at + 0.5} {vdd} {close_at + 0.5 + edge} 0)"
          .replace(" 0)", " 0)"))
    n.add(f"VIN in 0 PWL(0 {vdd} {open_at} {vdd} {open_at + edge} 0 {close_at} 0 {close_at + edge} {vdd})")
    # The driver and the far end of a word line of one segment: its wire and gates belong to the row, not the column.
    n.mos("p", "wl", "in", "vdd", 3.36 * s)
    n.mos("n", "wl", "in", "0", 1.68 * s)
    for line in ("hot", "near", "far"):
        for i in range(SECTIONS):
            a = f"{line}{i}"
            b = f"{line}{i + 1}"
            n.res(a, b, w["line_ohm"] * per_section)
            ground = w["line_ground"] * per_section
            outer = {"hot": 1, "near": 1, "far": 2}[line]  # neighbours that are not simulated hold still
            n.cap(b, "0", ground + outer * w["line_couple"] * per_section)
            cells = on_line[line] / SECTIONS
            if cells > 0:
                # Straps hang on the line through their drain; closed transistors beside their junctions.
                n.cap(b, "0", w["strap"] * cells)
                n.mos("n", b, "0", "0", cell, f"{cells:.4g}")
            if line == "near":
                n.cap(f"hot{i + 1}", b, w["line_couple"] * per_section)
        top = f"{line}{SECTIONS}"
        n.mos("p", top, "pre", "vdd", 0.42 * s)
        n.mos("p", f"{line}_out", top, "vdd", 0.84 * s)
        n.mos("n", f"{line}_out", top, "0", 0.84 * s)
        n.cap(f"{line}_out", "0", 5000 * s)
    n.mos("n", "drain", "wl", "0", cell)
    n.res("drain", "hot0", w["drain_ohm"])
    n.cap("drain", "0", w["strap"])
    step = 0.006 * slow * (1 + rows / 128)
    n.lines += [f".tran {step:.4g}n {cycle:.6g}n", ".control", "run",
                f"meas tran t_wl WHEN v(wl)={vdd / 2} RISE=1", f"meas tran t_out WHEN v(hot_out)={vdd / 2} RISE=1",
                f"meas tran hot_end FIND v(hot16) AT={close_at:.6g}n",
                f"meas tran near_min MIN v(near16) FROM={open_at:.6g}n TO={close_at:.6g}n",
                f"meas tran far_min MIN v(far16) FROM={open_at:.6g}n TO={close_at:.6g}n",
                f"meas tran near_out MAX v(near_out) FROM={open_at:.6g}n TO={close_at:.6g}n",
                f"meas tran q INTEG i(VDD) FROM={pre_end:.6g}n TO={cycle * 0.999:.6g}n",
                "wrdata wave.dat v(wl) v(hot16) v(near16) v(far16) v(hot_out)", ".endc", ".end"]
    # ngspice wants the times of sources with a unit.
    return "\n".join(re.sub(r"PWL\((.*)\)$", lambda m: "PWL(" + with_ns(m.group(1)) + ")", x) for x in n.lines) + "\n"


def with_ns(points):
    words = points.split()
    return " ".join(f"{float(x):.6g}n" if i % 2 == 0 else x for i, x in enumerate(words))


def run(netlist, folder, name):
    path = pathlib.Path(folder) / f"{name}.sp"
    path.write_text(netlist)
    done = subprocess.run(["ngspice", "-b", path.name], cwd=folder, capture_output=True, text=True, timeout=600)
    values = {k: float(v) for k, v in re.findall(r"^(t_wl|t_out|hot_end|near_min|far_min|near_out|q)\s*=\s*([-+0-9.e]+)",
                                                done.stdout, re.MULTILINE)}
    wave = pathlib.Path(folder) / "wave.dat"
    if wave.exists():
        wave.rename(pathlib.Path(folder) / f"{name}.dat")
    if len(values) != 7:
        raise SystemExit(f"column.py: ngspice gave {sorted(values)} for {path}:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    return values


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", choices=["sky130", "freepdk45"], required=True)
    parser.add_argument("--cards", required=True, help="folder with the model cards (sky130: gunzip'd)")
    parser.add_argument("--rows", default="64,128,256,512")
    parser.add_argument("--lines", type=int, default=16)
    parser.add_argument("--toml", help="file to write")
    parser.add_argument("--keep", help="folder for netlists and waves")
    args = parser.parse_args()
    sky = args.models == "sky130"
    p = SKY130 if sky else FREEPDK45
    d, results = drawn(args.lines), []
    folder = args.keep or tempfile.mkdtemp(prefix="burin-column-")
    os.makedirs(folder, exist_ok=True)
    for rows in map(int, args.rows.split(",")):
        for load in ("full", "even"):
            m = run(write_column(p, sky, d, rows, load, cards(args.models, args.cards)), folder,
                    f"{args.models}_{rows}_{load}")
            row = {"rows": rows, "load": load, "delay_ns": (m["t_out"] - m["t_wl"]) * 1e9,
                   "energy_fJ": -m["q"] * p["vdd"] * 1e15, "line_end_V": m["hot_end"],
                   "neighbour_least_V": m["near_min"], "far_least_V": m["far_min"], "neighbour_out_V": m["near_out"]}
            results.append(row)
            print(f"{args.models} {rows:4d} rows, {load}: {row['delay_ns']:.3f} ns, {row['energy_fJ']:.0f} fJ; line "
                  f"falls to {row['line_end_V']:.3f} V, neighbour holds {row['neighbour_least_V']:.3f} V, "
                  f"far line {row['far_least_V']:.3f} V of {p['vdd']} V", flush=True)
            if row["line_end_V"] > 0.1 * p["vdd"] or row["neighbour_out_V"] > 0.1 * p["vdd"]:
                raise SystemExit("column.py: the read is wrong")
    if args.toml:
        write_toml(args, p, d, results)


def write_toml(args, p, d, results):
    keys = ("rows", "load", "delay_ns", "energy_fJ", "line_end_V", "neighbour_least_V", "far_least_V")
    text = [f"# One read of a column of {args.lines} lines: scripts/spice/column.py (docs/masks.md, Physics).",
            f'command = "scripts/spice/column.py --models {args.models} --cards FOLDER --lines {args.lines} --rows {args.rows}"',
            f'models = "{args.models}, typical, {p["vdd"]} V, 27 C"', f'wires = "{p["source"]}"',
            f"supply_V = {p['vdd']}", f"lines = {args.lines}",
            f"row_pitch_um = {d['row_pitch_nm'] * 1e-3 * p['scale']:.4g}",
            f"transistor_width_um = {d['transistor_width_nm'] * 1e-3 * p['scale']:.4g}", ""]
    for row in results:
        text.append("[[read]]")
        text += [f'{k} = "{row[k]}"' if isinstance(row[k], str) else f"{k} = {row[k]:.4g}" for k in keys]
        text.append("")
    pathlib.Path(args.toml).write_text("\n".join(text))


if __name__ == "__main__":
    sys.exit(main())
