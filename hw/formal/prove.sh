#!/usr/bin/env bash
# Formal evidence (docs/rtl.md, "Proofs"): the bank equals the contract, a mutant of it does not, and the mapped netlist of a
# small bank equals its RTL. usage: hw/formal/prove.sh [LIBERTY]
# Needs yosys and z3. LIBERTY: cells for the netlist; without one that proof is skipped and said so.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

result() {
  if [[ $2 == "$3" ]]; then passed=$((passed + 1)); echo "ok      $1"; else failed=$((failed + 1)); echo "FAILED  $1"; fi
}

# specification BANK: 0 if every assertion holds for 13 cycles.
specification() {
  yosys -q -p "read_verilog -formal -sv $1 bank_specification.sv; prep -top bank_specification -nordff; memory_map;
    flatten; opt -full; dffunmap; write_smt2 -wires $work/bank.smt2" >"$work/yosys.log" 2>&1 || { tail -n 5 "$work/yosys.log"; exit 2; }
  timeout 600 yosys-smtbmc -s z3 -t 13 "$work/bank.smt2" >"$work/smt.log" 2>&1
}

if specification ../burin_bank.sv; then code=0; else code=1; fi
result "burin_bank is the contract: all codes, codebooks, scales, shifts" "$code" 0
sed "s/\[j\] >> 1)/[j] >> 2)/; s/(32'd1 << term_shift\[j\]) >> 1/(32'd1 << term_shift[j]) >> 2/" ../burin_bank.sv >"$work/mutant.sv"
cmp -s ../burin_bank.sv "$work/mutant.sv" && { echo "prove: the mutant is no mutant" >&2; exit 2; }
if specification "$work/mutant.sv"; then code=0; else code=1; fi
result "a bank that rounds wrongly is not" "$code" 1

if [[ $# -gt 0 ]]; then
  python3 ../emitted/synth/merge_liberty.py "$work/cells.lib" "$@"
  cat >"$work/netlist.ys" <<YS
read_verilog -sv ../burin_bank.sv
chparam -set COLUMNS 4 -set LEVELS 8 -set LANES 2 -set SCALERS 2 burin_bank
prep -top burin_bank -flatten
memory_map
opt -full
design -save rtl
synth -top burin_bank
dfflibmap -liberty $work/cells.lib
abc -liberty $work/cells.lib
opt_clean
rename burin_bank netlist
design -save mapped
read_liberty -ignore_miss_func $work/cells.lib
design -copy-from rtl -as rtl burin_bank
equiv_make rtl netlist both
hierarchy -top both
flatten
equiv_simple -undef
equiv_induct -undef
equiv_status -assert
YS
  if timeout 900 yosys -q "$work/netlist.ys" >"$work/equiv.log" 2>&1; then code=0; else code=1; tail -n 5 "$work/equiv.log"; fi
  result "the mapped netlist of a bank is its RTL" "$code" 0
else
  echo "skipped the mapped netlist: no liberty file"
fi
echo "$passed passed, $failed failed"
exit $((failed > 0))
