#include "rtl/verilog.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/check.h"

namespace burin::verilog {
namespace {

void PrintComment(std::string_view text, std::string_view indent, std::string& out) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    out += fmt::format("{}// {}\n", indent, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

size_t LongestName(const std::vector<Binding>& bindings) {
  size_t longest = 0;
  for (const Binding& binding : bindings) longest = std::max(longest, binding.name.size());
  return longest;
}

void PrintBindings(const std::vector<Binding>& bindings, std::string& out) {
  const size_t width = LongestName(bindings);
  for (size_t i = 0; i < bindings.size(); ++i) {
    out += fmt::format("      .{:<{}} ({}){}\n", bindings[i].name, width, bindings[i].value,
                       i + 1 < bindings.size() ? "," : "");
  }
}

constexpr size_t kLongestLine = 120;

std::string Bound(const std::vector<Binding>& bindings) {
  std::string text;
  for (const Binding& binding : bindings) {
    text += fmt::format("{}.{}({})", text.empty() ? "" : ", ", binding.name, binding.value);
  }
  return text;
}

std::string OneLine(const Instance& instance) {
  const std::string parameters =
      instance.parameters.empty() ? "" : fmt::format("#({}) ", Bound(instance.parameters));
  return fmt::format("  {} {}{} ({});\n", instance.module, parameters, instance.name,
                     Bound(instance.ports));
}

struct ItemPrinter {
  std::string& out;

  void operator()(const Comment& comment) const {
    out += '\n';
    PrintComment(comment.text, "  ", out);
  }
  void operator()(const Localparam& constant) const {
    out += fmt::format("  localparam {}{} = {};\n", Range(constant.width), constant.name,
                       constant.value);
  }
  void operator()(const Net& net) const {
    out += fmt::format("  wire {}{}", Range(net.width), net.name);
    out += net.value.empty() ? ";\n" : fmt::format(" = {};\n", net.value);
  }
  void operator()(const Assign& assign) const {
    out += fmt::format("  assign {} = {};\n", assign.target, assign.value);
  }
  void operator()(const Instance& instance) const {
    const std::string line = OneLine(instance);
    if (line.size() <= kLongestLine) {
      out += line;
      return;
    }
    out += fmt::format("  {} ", instance.module);
    if (!instance.parameters.empty()) {
      out += "#(\n";
      PrintBindings(instance.parameters, out);
      out += "  ) ";
    }
    out += fmt::format("{} (\n", instance.name);
    PrintBindings(instance.ports, out);
    out += "  );\n";
  }
  void operator()(const Lines& lines) const { out += lines.text; }
};

}  // namespace

std::string Range(int64_t width) {
  BURIN_CHECK(width >= 1);
  return width == 1 ? "" : fmt::format("[{}:0] ", width - 1);
}

std::string Constant(int64_t width, int64_t value) {
  BURIN_CHECK(width >= 1 && width <= 64);
  const uint64_t mask = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
  return fmt::format("{}'d{}", width, static_cast<uint64_t>(value) & mask);
}

std::string Slice(const std::string& name, int64_t at, int64_t width) {
  if (width == 1) return fmt::format("{}[{}]", name, at);
  return fmt::format("{}[{}:{}]", name, (at + 1) * width - 1, at * width);
}

std::string Print(const Module& module) {
  std::string out;
  PrintComment(module.comment, "", out);
  out += fmt::format("module {} (\n", module.name);
  for (size_t i = 0; i < module.ports.size(); ++i) {
    const Port& port = module.ports[i];
    PrintComment(port.comment, "  ", out);
    out +=
        fmt::format("  {} wire {}{}{}\n", port.direction == Direction::kInput ? "input " : "output",
                    Range(port.width), port.name, i + 1 < module.ports.size() ? "," : "");
  }
  out += ");\n";
  for (const Item& item : module.items) std::visit(ItemPrinter{out}, item);
  out += "endmodule\n";
  return out;
}

}  // namespace burin::verilog
