#!/usr/bin/env bash
# Cross-compiles the kernels with their tests for 64-bit Arm and runs them under qemu-user: the NEON set equals the specification.
# Needs (Debian): g++-aarch64-linux-gnu qemu-user libgtest-dev libfmt-dev libexpected-dev
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
  if ! command -v "$tool" >/dev/null; then
    echo "check-neon: $tool is missing; apt-get install g++-aarch64-linux-gnu qemu-user" >&2
    exit 2
  fi
done
out=build/neon
mkdir -p "$out/include"
ln -sfn /usr/include/fmt "$out/include/fmt"
ln -sfn /usr/include/tl "$out/include/tl"
flags=(-std=c++20 -O2 -Wall -Wextra -Werror -DFMT_HEADER_ONLY -Isrc -isystem "$out/include" -isystem /usr/src/googletest/googletest/include
  -isystem /usr/src/googletest/googletest -isystem /usr/src/googletest/googlemock/include -isystem /usr/src/googletest/googlemock)
sources=(src/base/check.cc src/base/result.cc src/base/thread_pool.cc src/numeric/*.cc src/kernels/dispatch.cc src/kernels/scalar.cc
  src/kernels/memory_probe.cc src/kernels/kernels_test.cc)
objects=()
compile() {  # compile SOURCE [FLAG...]
  local object
  object="$out/$(echo "$1" | tr '/' '_').o"
  objects+=("$object")
  aarch64-linux-gnu-g++ "${flags[@]}" "${@:2}" -c "$1" -o "$object"
}
for source in "${sources[@]}"; do
  case "$source" in src/numeric/*_test.cc) ;; *) compile "$source" ;; esac
done
compile src/kernels/neon.cc -O3 -march=armv8.2-a+dotprod
compile /usr/src/googletest/googletest/src/gtest-all.cc -w
compile /usr/src/googletest/googlemock/src/gmock-all.cc -w
compile /usr/src/googletest/googlemock/src/gmock_main.cc -w
aarch64-linux-gnu-g++ -static -pthread "${objects[@]}" -o "$out/kernels_test"
qemu-aarch64 -cpu max "$out/kernels_test" --gtest_brief=1
