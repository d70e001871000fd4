#!/usr/bin/env bash
# Installs the Debian 12 packages that are missing, and nothing else. usage: install-dependencies.sh [build|check]
#   build  what ./demo needs (the default)
#   check  also the second compiler, formatter, linter and fuzzer of ./check, the simulators, KLayout and Chromium
# Needs root or sudo, and only if something is missing. On other systems it names the packages and
# goes on if the tools are there.
set -euo pipefail
cd "$(dirname "$0")/.."

build_packages=(g++ cmake ninja-build pkg-config libfmt-dev libcli11-dev nlohmann-json3-dev
  libexpected-dev libtomlplusplus-dev zlib1g-dev libeigen3-dev libssl-dev libpcre2-dev libicu-dev libgtest-dev libgmock-dev)
check_packages=(make clang clang-format clang-tidy libclang-rt-14-dev python3 python3-prometheus-client verilator iverilog yosys z3
  klayout ngspice chromium)

# A package that is wanted as soon as a CMake file asks for its library.
if_used() {
  if grep -qsiE "(find_package|pkg_check_modules).*$1" CMakeLists.txt cmake/*.cmake {src/*,bench,tests,fuzz}/CMakeLists.txt; then
    echo "$2"
  fi
}

wanted_packages() {
  printf '%s\n' "${build_packages[@]}"
  if_used 'Boost 1' libboost-dev
  # Debian's npm brings hundreds of packages: only where there is no other.
  command -v npm >/dev/null || printf '%s\n' nodejs npm
  if [[ $1 == check ]]; then
    printf '%s\n' "${check_packages[@]}"
    if_used benchmark libbenchmark-dev
  fi
}

is_installed() {
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "install-dependencies: no root rights and no sudo; as root run: apt-get install $missing" >&2
    return 1
  fi
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -qq -y --no-install-recommends "$@" >"$log" 2>&1 </dev/null
}

name_the_failure() {
  local package
  for package in $missing; do
    if ! apt_install "$package"; then
      echo "install-dependencies: package '$package' failed:" >&2
      tail -n 5 "$log" >&2
      return 1
    fi
  done
}

without_apt() {
  local tool
  for tool in g++ cmake ninja pkg-config; do
    if ! command -v "$tool" >/dev/null; then
      echo "install-dependencies: not a Debian system and '$tool' is missing; wanted (Debian names): $*" >&2
      return 1
    fi
  done
  echo "install-dependencies: not a Debian system; wanted (Debian names): $*"
}

main() {
  local wanted package
  mapfile -t wanted < <(wanted_packages "${1:-build}")
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    without_apt "${wanted[@]}"
    return
  fi
  missing=""
  for package in "${wanted[@]}"; do
    is_installed "$package" || missing+="${missing:+ }$package"
  done
  [[ -z $missing ]] && return
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  echo "installing $missing"
  if ! as_root apt-get update -qq >"$log" 2>&1 </dev/null; then
    echo "install-dependencies: 'apt-get update' failed, trying with the lists that are there:" >&2
    tail -n 3 "$log" >&2
  fi
  # shellcheck disable=SC2086  # a list of package names
  apt_install $missing || name_the_failure
}

main "$@"
