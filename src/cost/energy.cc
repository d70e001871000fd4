#include "cost/energy.h"

namespace burin {
namespace {

constexpr double kPico = 1e-12;
constexpr double kWireActivity = 0.5;  // a wire changes for every second bit that it carries

}  // namespace

std::vector<EnergyItem> TokenEnergy(const Events& e, const Point& p) {
  const double wire = p[Param::kWire] * kWireActivity * kPico;
  const double sram = p[Param::kSramRead] * kPico;
  return {
      {"select and add", e.weights * p[Param::kSelectAdd] * kPico},
      {"ROM read", (e.code_bits + e.scale_bits) * p[Param::kRomRead] * kPico},
      {"products along banks", e.product_bits_mm * wire},
      {"broadcast and collect", (e.activation_bits + e.sum_bits) * e.reach_mm * wire},
      {"KV SRAM", e.kv_bytes * sram},
      {"attention", e.attention_macs * p[Param::kMac] * kPico},
      {"vector unit", e.vector_ops * p[Param::kVectorOp] * kPico + e.vector_bytes * sram},
      {"adapter", e.adapter_macs * p[Param::kMac] * kPico + e.adapter_bytes * sram},
  };
}

std::vector<PowerItem> StandingPower(const std::vector<AreaBlock>& area, const Point& p) {
  const double rom = TotalArea(area, AreaKind::kRom), sram = TotalArea(area, AreaKind::kSram);
  const double logic = TotalArea(area, AreaKind::kLogic);
  const double clocked = logic + (rom + sram) * p[Param::kClockArray];
  return {
      {"leakage",
       logic * p[Param::kLeakLogic] + sram * p[Param::kLeakSram] + rom * p[Param::kLeakRom]},
      {"clock", clocked * p[Param::kClockLogic] * kPico * p[Param::kClock]},
  };
}

std::vector<PowerItem> PowerAt(const Events& events, const std::vector<AreaBlock>& area,
                               double tokens_per_s, const Point& p) {
  std::vector<PowerItem> items = StandingPower(area, p);
  for (EnergyItem& item : TokenEnergy(events, p)) {
    items.push_back({std::move(item.name), item.joule * tokens_per_s});
  }
  return items;
}

double TotalPower(const std::vector<PowerItem>& items) {
  double sum = 0;
  for (const PowerItem& item : items) sum += item.watt;
  return sum;
}

}  // namespace burin
