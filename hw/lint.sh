#!/bin/sh
# lint.sh [MODULE...]: verilator -Wall over every module of hw/ with its default parameters, as simulated and as synthesized; 77 without verilator.
cd "$(dirname "$0")" || exit 1
command -v verilator >/dev/null || { echo "skipped: no verilator"; exit 77; }
status=0
for module in ${*:-$(sed -n 's/^module \(burin_[a-z_0-9]*\).*/\1/p' ./burin_*.sv)}; do
  for define in SIMULATION SYNTHESIS; do
    verilator --lint-only -Wall -Wno-DECLFILENAME +define+$define --top-module "$module" -I. ./burin_*.sv || status=1
  done
done
exit $status
