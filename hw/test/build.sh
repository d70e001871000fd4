#!/bin/sh
# build.sh BENCH OUT [verilator arguments]: one bench of hw/test as a program.
set -e
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
bench=$1 out=$2
shift 2
libs=${BURIN_LIBS:-$root/build/release/src}
verilator --cc --exe --build -j 2 -O3 --x-assign fast --x-initial fast --noassert -Wno-fatal -Wno-DECLFILENAME \
  -CFLAGS "-std=c++20 -O1 -I$root/src -I$here" -LDFLAGS "$libs/numeric/libburin_numeric.a $libs/base/libburin_base.a -lgtest_main -lgtest" \
  -I"$here/.." --top-module "$bench" --Mdir "$out" "$@" "$here/../"*.sv "$here/$bench.sv" "$here/$bench.cc" -o "$bench"
