#!/bin/sh
# icarus.sh MODEL: the fabric in Icarus Verilog, cycle by cycle against what the Verilator model MODEL (fabric_bench) does.
for tool in verilator iverilog; do
  command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
set -e
here=$(cd "$(dirname "$0")" && pwd)
model=$1
BURIN_VECTORS=$model/vectors.txt "$model/fabric_bench" --gtest_brief=1
# As simulated, and as synthesized: banks with their broadcast trees.
for define in SIMULATION SYNTHESIS; do
  rm -f "$model/replay.vvp" # what does not compile must not pass as what did
  iverilog -g2012 -D $define -I "$here/.." -s fabric_replay -o "$model/replay.vvp" "$here/../"burin_*.sv "$here/fabric_bench.sv" \
    "$here/fabric_replay.sv" 2>&1 | grep -v "sorry: constant selects" || true
  vvp -n "$model/replay.vvp" "+vectors=$model/vectors.txt" | tee "$model/replay.log"
  grep -q "^[1-9][0-9]* passed, 0 failed" "$model/replay.log"
done
