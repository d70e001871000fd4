#!/bin/sh
# build.sh BENCH OUT [verilator arguments]: builds one bench of hw/test, BENCH.sv with BENCH*.cc, into the folder OUT. BURIN_LIBS: where the
# libraries of numeric and base are (build/release/src).
set -e
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
bench=$1 out=$2
shift 2
libs=${BURIN_LIBS:-$root/build/release/src}
if command -v ccache >/dev/null; then OBJCACHE=ccache && export OBJCACHE; fi
# The runs are short: the compiler's time decides, not the model's.
verilator --cc --exe --build -j 2 -O3 --x-assign unique --x-initial unique --noassert -Wno-fatal -Wno-DECLFILENAME \
  -CFLAGS "-std=c++20 -I$root/src -I$here" -MAKEFLAGS "OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0" \
  -LDFLAGS "$libs/numeric/libburin_numeric.a $libs/base/libburin_base.a -lgtest_main -lgtest" \
  -I"$here/.." --top-module "$bench" --Mdir "$out" "$@" "$here/../"burin_*.sv "$here/$bench.sv" "$here/$bench"*.cc -o "$bench"
