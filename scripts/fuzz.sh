#!/usr/bin/env bash
# Builds the fuzz targets (clang) and runs each on its corpus. usage: fuzz.sh [seconds a target, 60]
# Findings are written to build/asan/findings/NAME; a fixed one belongs into fuzz/crashers/NAME.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}

run_target() {
  local binary=$1 name=${1##*/fuzz_}
  local found=build/asan/findings/$name inputs=() folder
  mkdir -p "$found" "build/asan/corpus/$name" # libFuzzer writes new inputs to the first folder
  for folder in "fuzz/corpus/$name" "fuzz/crashers/$name"; do
    [[ -d $folder ]] && inputs+=("$folder")
  done
  if ! "$binary" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -verbosity=0 \
    -artifact_prefix="$found/" "build/asan/corpus/$name" "${inputs[@]}" 2>"$found/log"; then
    tail -n 40 "$found/log" >&2
    echo "fuzz: $name failed; input and log are in $found" >&2
    return 1
  fi
  echo "fuzz: $name ran $seconds s without a finding"
}

main() {
  local targets=() target
  cmake --preset asan >/dev/null
  cmake --build --preset asan -j "$(nproc)" --target fuzzers
  for target in build/asan/fuzz_*; do
    [[ -f $target && -x $target ]] && targets+=("$target")
  done
  export seconds
  export -f run_target
  # As many at once as there are processors; 123 if one fails.
  printf '%s\0' "${targets[@]}" | xargs -0 -P "$(nproc)" -n 1 bash -c 'set -euo pipefail; run_target "$1"' run_target
  echo "fuzz: ${#targets[@]} targets"
}

main
