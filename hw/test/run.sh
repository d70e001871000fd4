#!/bin/sh
# run.sh BENCH OUT TOOL SHAPE: builds and runs a bench; prints "skipped" and ends with 77 where verilator is missing.
if ! command -v verilator >/dev/null; then
  echo "skipped: no verilator (apt-get install verilator)"
  exit 77
fi
set -e
here=$(cd "$(dirname "$0")" && pwd)
bench=$1 out=$2 tool=$3 shape=$4
mkdir -p "$(dirname "$out")"
case $bench-$shape in
  engine_bench-1) set -- $("$tool" norm 112 8) -CFLAGS -DENGINE_SHAPE=1 ;;
  engine_bench-3) set -- $("$tool" norm 112 8) -CFLAGS -DENGINE_SHAPE=3 -DENGINE_SHAPE_3 ;;
  engine_bench-2) set -- $("$tool" norm 120 16) -CFLAGS -DENGINE_SHAPE=2 -DENGINE_SHAPE_2 ;;
  *) set -- ;;
esac
"$here/build.sh" "$bench" "$out" "$@" >"$out.log" 2>&1 || { tail -n 40 "$out.log"; exit 1; }
"$out/$bench" --gtest_brief=1
