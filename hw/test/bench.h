// What the benches of hw/ share: a clock, ports wider than 64 bits, random numbers.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/philox.h"
#include "verilated.h"

namespace burin::hw {

// Bits [first, first + width) of a port that Verilator made of 32-bit words; width <= 64.
template <typename Port>
void SetBits(Port& port, int first, int width, uint64_t value) {
  auto* words = reinterpret_cast<uint8_t*>(&port);
  for (int bit = 0; bit < width; ++bit) {
    uint8_t& byte = words[(first + bit) / 8];
    const auto mask = static_cast<uint8_t>(1u << ((first + bit) % 8));
    byte = static_cast<uint8_t>((value >> bit & 1) ? byte | mask : byte & ~mask);
  }
}
template <typename Port>
int32_t Lane(const Port& port, int lane) {
  int32_t value = 0;
  std::memcpy(&value, reinterpret_cast<const uint8_t*>(&port) + 4 * lane, 4);
  return value;
}

// One cycle: inputs that were set count at the rising edge; outputs are those after it.
template <typename Model>
void Tick(Model& model) {
  model.clk = 0;
  model.eval();
  model.clk = 1;
  model.eval();
}

}  // namespace burin::hw
