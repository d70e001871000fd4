#include "cost/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "cost/require.h"

namespace burin {
namespace {

// The fastest of a few changes of one knob, of those that can be made if there are some: what it
// buys, and what it costs.
std::string WhatLatencyBuys(const ChipModel& model) {
  const ChipSpec& chip = model.fabric().chip;
  const Estimate& now = model.nominal();
  const std::pair<Knob, int64_t> moves[] = {
      {Knob::kRows, chip.rows / 2},
      {Knob::kAttentionPositions, 4 * chip.attention_positions},
      {Knob::kAttentionHeads, 2 * chip.attention_heads},
      {Knob::kVectorLanes, 2 * chip.vector_lanes}};
  std::optional<Design> best;
  bool best_fits = false;
  for (const auto& [knob, value] : moves) {
    if (knob == Knob::kAttentionHeads && value > model.fabric().plan.config.heads) continue;
    auto design = TryKnob(model, knob, value);
    if (!design || design->estimate.tokens_per_s_user <= now.tokens_per_s_user) continue;
    const bool fits = FitsExposure(design->estimate, model.constants().tech);
    const bool faster =
        !best || design->estimate.tokens_per_s_user > best->estimate.tokens_per_s_user;
    if (fits == best_fits ? faster : fits) best = std::move(design), best_fits = fits;
  }
  if (!best) return {};
  const Estimate& then = best->estimate;
  return fmt::format("{} {} -> {}: {} tokens/s for {} mm2 a die ({:+.1f}){}", best->changes[0].knob,
                     best->changes[0].from, best->changes[0].to,
                     ShortNumber(then.tokens_per_s_user), ShortNumber(then.die_mm2),
                     then.die_mm2 - now.die_mm2, best_fits ? "" : ", more than one exposure");
}

}  // namespace

std::string ShortNumber(double v) {
  if (v >= 1e12) return fmt::format("{:.3g} T", v / 1e12);
  if (v >= 1e9) return fmt::format("{:.3g} G", v / 1e9);
  if (v >= 1e6) return fmt::format("{:.3g} M", v / 1e6);
  if (v >= 1e5) return fmt::format("{:.0f} k", v / 1e3);
  if (v < 999.5) return v >= 100 ? fmt::format("{:.0f}", v) : fmt::format("{:.3g}", v);
  const auto n = std::llround(v);
  return fmt::format("{},{:03}", n / 1000, n % 1000);
}

double SramMm2(const ChipModel& model, double bytes) {
  const Bracket& density = model.constants()[Param::kSramDensity];
  const double share = 1 + model.constants()[Param::kOverheadShare].nominal;
  return bytes * 8 / (density.nominal * 1e6) * share;
}

Binding BindingOf(const ChipModel& model) {
  Binding binding = LimitOf(model);
  if (binding.limit == "area") {
    const auto folded = TryKnob(model, Knob::kFold, 2 * model.fabric().chip.fold);
    if (folded) {
      binding.change = fmt::format("fold {} -> {}: {:.0f} mm2", folded->changes[0].from,
                                   folded->changes[0].to, folded->estimate.die_mm2);
    }
  } else if (binding.limit == "power") {
    binding.change = "a lower clock";
  } else if (binding.limit == "link") {
    binding.change = "a faster link, or fewer dies";
  } else {
    binding.change = WhatLatencyBuys(model);
  }
  return binding;
}

std::vector<BitsArea> AreaByBits(const ChipModel& model) {
  std::vector<BitsArea> list;
  const ModelPlan& plan = model.fabric().plan;
  for (const int bits : {3, 4, 6}) {
    ChipSpec chip = model.fabric().chip;
    chip.banks = 0;
    chip.levels = bits == 4 ? 16 : 8;
    ModelPlan changed = plan;
    changed.weights = nullptr;
    changed.needed_context = 1;
    std::ranges::fill(changed.bits, bits);
    const Point p = model.constants().Nominal();
    const auto fabric = Place(changed, chip, SizesFor(chip, plan.config, model.constants()));
    if (!fabric) continue;
    const auto blocks = AreaBlocks(CountParts(*fabric), chip, p);
    list.push_back({bits, chip.levels, TotalArea(blocks), blocks.front().mm2});
  }
  return list;
}

AdapterPrice PriceOfAdapter(const ChipModel& model, int64_t rank) {
  AdapterPrice price;
  price.rank = rank;
  const PlacedFabric& fabric = model.fabric();
  for (size_t m = 0; m < fabric.matrices.size(); ++m) {
    const MatrixEntry& entry = fabric.plan.matrices[m];
    if (entry.layer == kNoLayer) continue;
    const MatrixShape& shape = fabric.matrices[m].shape;
    const auto bytes = static_cast<double>(rank * (shape.rows + shape.cols) + shape.cols);
    price.bytes += bytes;
    if (entry.kind == TensorKind::kQ || entry.kind == TensorKind::kV) price.q_v_bytes += bytes;
  }
  price.mm2 = SramMm2(model, price.bytes);
  price.fits = price.bytes <= static_cast<double>(model.inventory().adapter_bits) / 8 &&
               rank <= fabric.chip.max_rank;
  const auto ratio =
      static_cast<double>(model.schedule().cycles) * model.nominal().tokens_per_s_user;
  const LinkTiming link = LinkTiming::Of(model.constants()[Param::kClock].nominal,
                                         model.constants()[Param::kLinkBandwidth].nominal,
                                         model.constants()[Param::kLinkLatency].nominal);
  const auto with = ScheduleToken(fabric, {model.workload().context, rank, true}, link);
  price.tokens_per_s = ratio / static_cast<double>(with.cycles);
  return price;
}

std::vector<BreakEven> BreakEvensOf(const ChipModel& model, const std::vector<System>& systems) {
  const Estimate& e = model.nominal();
  const Point p = model.constants().Nominal();
  std::vector<BreakEven> list;
  for (const System& system : systems) {
    const auto rented = RentedUsdPerMillion(system);
    if (!rented) continue;
    BreakEven b;
    b.against = system.name;
    b.rented_usd_per_m = *rented;
    b.respin_tokens = BreakEvenTokens(e.model.respin, *rented, e.tokens.usd());
    b.first_tokens = BreakEvenTokens(e.model.first + e.model.respin, *rented, e.tokens.usd());
    const double a_card = e.tokens_per_s_aggregate / static_cast<double>(model.fabric().dies);
    const double server = static_cast<double>(kCardsInServer) * a_card * p[Param::kUtilization];
    b.respin_months_of_server = b.respin_tokens / server / kSecondsInMonth;
    for (const double months : {3.0, 6.0, 12.0, 24.0}) {
      b.useful.push_back({months, CardsToMake(b.respin_tokens, a_card, months, p),
                          CardsToMake(b.first_tokens, a_card, months, p)});
    }
    list.push_back(std::move(b));
  }
  return list;
}

double CardPriceAt(const Estimate& e, double cards, bool first_design) {
  return e.card.usd() + (e.model.respin + (first_design ? e.model.first : 0)) / cards;
}

}  // namespace burin
