#!/bin/sh
# verilator -Wall over every module of hw/ with its default parameters.
cd "$(dirname "$0")" || exit 1
status=0
for module in ${*:-$(sed -n 's/^module \([a-z_0-9]*\).*/\1/p' ./*.sv)}; do
  verilator --lint-only -Wall -Wno-DECLFILENAME --top-module "$module" -I. ./*.sv || status=1
done
exit $status
