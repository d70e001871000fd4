#include "mask/netlist.h"

#include "mask/painter.h"
#include "mask/periphery.h"

namespace burin::mask {
namespace {

class Writer {
 public:
  explicit Writer(int32_t length) : length_(1e-3 * length) {}

  void Device(bool is_p, const std::string& drain, const std::string& gate, int32_t width) {
    const char* supply = is_p ? "VDD" : "VSS";
    text_ += fmt::format("M{} {} {} {} {} {} W={:g}U L={:g}U\n", ++count_, drain, gate, supply,
                         supply, is_p ? "PMOS" : "NMOS", 1e-3 * width, length_);
  }
  void Inverter(const std::string& out, const std::string& in, int32_t n_width, int32_t p_width) {
    Device(false, out, in, n_width);
    Device(true, out, in, p_width);
  }
  void Line(const std::string& text) { text_ += text + "\n"; }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
  double length_;
  int64_t count_ = 0;
};

}  // namespace

Result<std::string> ToSpice(const Rules& rules, const Bank& bank,
                            const std::function<int(int, int)>& code) {
  const BankShape& s = bank.shape();
  const CellDimensions& d = bank.cell();
  BURIN_ASSIGN(const PeripheryDimensions periphery, DerivePeriphery(rules, d));
  RuleReader rule(rules);
  const int32_t grid = rule("draw.active_grid");
  auto width = [&](const char* key) { return CeilTo(rule(key), grid); };
  const int32_t driver_n = width("draw.driver_n_width"), driver_p = width("draw.driver_p_width");
  const int32_t sense = width("draw.sense_width"), precharge = width("draw.precharge_width");
  BURIN_TRY(rule.status());
  Writer out(d.gate_length);
  out.Line(
      fmt::format("* {} x {} cells, {} lines a column, {}", s.rows, s.cols, s.lines, rules.name()));
  out.Line(".SUBCKT BANK");
  for (int row = 0; row < s.rows; ++row) {
    out.Inverter(fmt::format("WL[{}]", row), fmt::format("IN[{}]", row), driver_n, driver_p);
    for (int col = 0; col < s.cols; ++col) {
      out.Device(false, fmt::format("LINE[{}][{}]", col, code(row, col)),
                 fmt::format("WL[{}]", row), d.width);
    }
  }
  for (int col = 0; col < s.cols; ++col) {
    for (int line = 0; line < s.lines; ++line) {
      const std::string wire = fmt::format("LINE[{}][{}]", col, line);
      out.Device(true, wire, fmt::format("PRE[{}]", line % periphery.sense.precharge_tiers),
                 precharge);
      out.Inverter(fmt::format("SELECT[{}][{}]", col, line), wire, sense, sense);
    }
  }
  out.Line(".ENDS");
  return out.Take();
}

}  // namespace burin::mask
