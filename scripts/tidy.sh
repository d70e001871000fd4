#!/usr/bin/env bash
# clang-tidy (.clang-tidy) on every source below src/ that a build has, but tests. What passed and has not changed since, with all that it
# includes, is not read again. Nothing needs to be built: the preset clang, without batches and precompiled headers, is configured
# for it in build/tidy. usage: tidy.sh
set -euo pipefail
cd "$(dirname "$0")/.."

export build=build/tidy
export passed=build/tidy/passed

# Of everything in the project that a finding can depend on: rules, source, headers.
inputs_digest() {
  local files
  # shellcheck disable=SC2046  # flags without spaces
  files=$(clang++ -std=c++20 -Isrc $(pkg-config --cflags eigen3) -MM "$1" | sed 's/^[^:]*\.o://; s/\\$//') || return 1
  # shellcheck disable=SC2086  # a list of file names without spaces
  cat .clang-tidy $files | sha256sum | cut -d' ' -f1
}

tidy_one() {
  local digest
  digest=$(set -o pipefail && inputs_digest "$1") || return 1
  [[ -e $passed/$digest ]] && return
  clang-tidy --quiet -p "$build" "$1" || return 1
  : >"$passed/$digest"
}
export -f inputs_digest tidy_one

main() {
  local sources
  cmake --preset clang -B "$build" -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON >/dev/null
  mkdir -p "$passed"
  mapfile -t sources < <(sed -n 's|.*"file": ".*/\(src/.*\.cc\)".*|\1|p' "$build/compile_commands.json" |
    grep -v _test | LC_ALL=C sort -u | xargs ls 2>/dev/null)  # what the build makes is not in src/
  # shellcheck disable=SC2016  # $0 is for the inner shell
  printf '%s\0' "${sources[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c 'tidy_one "$0"'
  echo "clang-tidy: ${#sources[@]} sources"
}

main
