// A structural design as plain data, and the printer that writes it as SystemVerilog. Only what a
// netlist of hand-written modules needs: ports, nets, assignments, instances. The subset is the one
// that Verilator 5.006, Icarus 11 and yosys 0.23 read alike: flat packed vectors, no packages, no
// arrays on ports.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace burin::verilog {

enum class Direction : uint8_t { kInput, kOutput };

struct Port {
  Direction direction = Direction::kInput;
  int64_t width = 1;
  std::string name;
  std::string comment = {};  // a line above it: what it and those behind it are; may be empty
};

// A constant of the module.
struct Localparam {
  int64_t width = 1;
  std::string name;
  std::string value;
};

// A wire of the module; with a value it is driven here, without one by an instance.
struct Net {
  int64_t width = 1;
  std::string name;
  std::string value;  // an expression, or empty
};

struct Assign {
  std::string target, value;
};

struct Binding {
  std::string name;  // of the parameter or port
  std::string value;
};

// On one line if it is short.
struct Instance {
  std::string module, name;
  std::vector<Binding> parameters;
  std::vector<Binding> ports;
};

// A line of its own before what follows; without a text an empty line.
struct Comment {
  std::string text;
};

// Lines that are printed as they are, for the few registers of an emitted module.
struct Lines {
  std::string text;
};

using Item = std::variant<Comment, Localparam, Net, Assign, Instance, Lines>;

struct Module {
  std::string name;
  std::string comment;  // what it is, one or more lines
  std::vector<Port> ports;
  std::vector<Item> items;
};

// "[w-1:0] ", or nothing for one bit.
std::string Range(int64_t width);
// A sized constant: "6'd17"; "-6'sd3" never occurs: negative values are printed in two's
// complement.
std::string Constant(int64_t width, int64_t value);
// Bits [at * width, (at + 1) * width) of a vector: "name[at*width +: width]" with numbers.
std::string Slice(const std::string& name, int64_t at, int64_t width);

// The module as text. Pure: the same module gives the same bytes.
std::string Print(const Module& module);

}  // namespace burin::verilog
