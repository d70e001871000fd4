#include "cost/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "cost/require.h"

namespace burin {
namespace {

constexpr double kPercent = 100;

std::string Number(double v) {
  if (v >= 1e12) return fmt::format("{:.3g} T", v / 1e12);
  if (v >= 1e9) return fmt::format("{:.3g} G", v / 1e9);
  if (v >= 1e6) return fmt::format("{:.3g} M", v / 1e6);
  if (v >= 1e5) return fmt::format("{:.0f} k", v / 1e3);
  return v >= 100 ? fmt::format("{:.0f}", v) : fmt::format("{:.3g}", v);
}

double SramArea(const ChipModel& model, double bytes) {
  const Bracket& density = model.constants()[Param::kSramDensity];
  const double share = 1 + model.constants()[Param::kOverheadShare].nominal;
  return bytes * 8 / (density.nominal * 1e6) * share;
}

// The better of a few changes of one knob: what it buys, and what it costs.
std::string WhatLatencyBuys(const ChipModel& model, bool attention) {
  const ChipSpec& chip = model.fabric().chip;
  std::optional<Design> best;
  const std::vector<std::pair<Knob, int64_t>> moves =
      attention ? std::vector<std::pair<Knob, int64_t>>{
                      {Knob::kAttentionPositions, 4 * chip.attention_positions},
                      {Knob::kAttentionHeads, 2 * chip.attention_heads}}
                : std::vector<std::pair<Knob, int64_t>>{{Knob::kRows, chip.rows / 2},
                                                        {Knob::kVectorLanes, 2 * chip.vector_lanes}};
  for (const auto& [knob, value] : moves) {
    auto design = TryKnob(model, knob, value);
    if (!design) continue;
    const bool faster =
        !best || design->estimate.tokens_per_s_user > best->estimate.tokens_per_s_user;
    if (faster) best = std::move(design);
  }
  const Estimate& now = model.nominal();
  if (!best || best->estimate.tokens_per_s_user <= now.tokens_per_s_user) return {};
  const Estimate& then = best->estimate;
  return fmt::format("{} {} -> {}: {} tokens/s for {:.0f} mm2 a die ({:+.1f})",
                     best->changes[0].knob, best->changes[0].from, best->changes[0].to,
                     Number(then.tokens_per_s_user), then.die_mm2, then.die_mm2 - now.die_mm2);
}

std::string WhyNotMillions(const ChipModel& model) {
  const TokenSchedule& s = model.schedule();
  const Estimate& e = model.nominal();
  std::string text =
      fmt::format("a token is a chain of {} steps, {} cycles: {:.1f} us at {:.0f} MHz",
                  s.steps.size(), s.cycles, e.token_s * 1e6, e.clock_hz / 1e6);
  if (e.users <= 1) {
    return text + fmt::format("; banks are folded {} times, so one token has the die",
                              model.fabric().chip.fold);
  }
  return text + fmt::format("; {} users overlap: {} tokens/s, limited by {}", e.users,
                            Number(e.tokens_per_s_aggregate), UserLimitName(e.user_limit));
}

std::string ContextAnswer(const ChipModel& model) {
  const ModelConfig& c = model.fabric().plan.config;
  const auto per_position = static_cast<double>(KvBytesPerPosition(c, c.layers));
  const double far = SramArea(model, per_position * 131072);
  return fmt::format(
      "{} positions in {:.0f} MB of SRAM; 1,000 more are {:.1f} mm2; 131,072 would be {:.0f} mm2, "
      "{:.1f} exposures",
      model.fabric().max_context, static_cast<double>(model.inventory().kv_bits) / 8e6,
      SramArea(model, per_position * 1000), far, far / model.constants().tech.reticle_mm2());
}

std::string PowerAnswer(const ChipModel& model) {
  const Estimate& e = model.nominal();
  return fmt::format(
      "a card {:.0f} W: {:.0f} W explained, times {:.1f} that nobody has explained ({:.2f} W/mm2); "
      "a server of ten with its host {:.1f} kW",
      e.card_power_w, e.power_w, model.constants()[Param::kSystemFactor].nominal, e.watt_per_mm2,
      e.server.power_w / 1e3);
}

std::string AdapterAnswer(const ChipModel& model) {
  const int64_t rank = std::min<int64_t>(16, model.fabric().chip.max_rank);
  const AdapterPrice price = PriceOfAdapter(model, rank);
  return fmt::format(
      "rank {} on all matrices: {:.1f} MB, {:.2f} mm2 of SRAM{}; {} tokens/s "
      "instead of {}",
      rank, price.bytes / 1e6, price.mm2, price.fits ? "" : " (more than the chip has)",
      Number(price.tokens_per_s), Number(model.nominal().tokens_per_s_user));
}

std::string BitsAnswer(const ChipModel& model) {
  std::string text;
  for (const BitsArea& b : AreaByBits(model)) {
    text += fmt::format("{}{} bits {:.0f} mm2 ({:.0f} of cells, {} lines)",
                        text.empty() ? "" : ", ", b.bits, b.die_mm2, b.cells_mm2, b.levels);
  }
  return text;
}

std::string ObsoleteAnswer(const ChipModel& model, const std::vector<BreakEven>& list) {
  const ModelCost& cost = model.nominal().model;
  std::string text =
      fmt::format("two masks: {} USD and {:.0f} weeks; the first chip {} USD and {:.0f}",
                  Number(cost.respin), cost.respin_weeks, Number(cost.first), cost.first_weeks);
  if (list.empty()) return text;
  const BreakEven& b = list.front();
  if (std::isinf(b.respin_tokens)) {
    return text + fmt::format("; renting {} at {:.3f} USD a million is cheaper", b.against,
                              b.rented_usd_per_m);
  }
  return text + fmt::format(
                    "; against a rented {} the masks are paid after {} tokens, {:.1f} months "
                    "of one server",
                    b.against, Number(b.respin_tokens), b.respin_months_of_server);
}

std::string PriceAnswer(const ChipModel& model) {
  const Estimate& e = model.nominal();
  const auto moves = model.SensitivitiesOf([](const Estimate& x) { return x.tokens.usd(); });
  std::string text = fmt::format("{:.4f} USD a million: {:.4f} hardware, {:.4f} electricity",
                                 e.tokens.usd(), e.tokens.hardware, e.tokens.electricity);
  if (!moves.empty()) {
    text += fmt::format("; {} moves it most, {:.4f} to {:.4f}", InfoOf(moves[0].param).meaning,
                        std::min(moves[0].at_low, moves[0].at_high),
                        std::max(moves[0].at_low, moves[0].at_high));
  }
  return text;
}

}  // namespace

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
    binding.change = WhatLatencyBuys(model, binding.limit == "attention");
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
    if (fabric.plan.matrices[m].layer == kNoLayer) continue;
    const MatrixShape& shape = fabric.matrices[m].shape;
    price.bytes += static_cast<double>(rank * (shape.rows + shape.cols) + shape.cols);
  }
  price.mm2 = SramArea(model, price.bytes);
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
    const double server =
        static_cast<double>(kCardsInServer) * e.tokens_per_s_aggregate * p[Param::kUtilization];
    b.respin_months_of_server = b.respin_tokens / server / kSecondsInMonth;
    for (const double months : {3.0, 6.0, 12.0, 24.0}) {
      b.useful.push_back({months, CardsToMake(b.respin_tokens, e.tokens_per_s_aggregate, months, p),
                          CardsToMake(b.first_tokens, e.tokens_per_s_aggregate, months, p)});
    }
    list.push_back(std::move(b));
  }
  return list;
}

double CardPriceAt(const Estimate& e, double cards, bool first_design) {
  return e.card.usd() + (e.model.respin + (first_design ? e.model.first : 0)) / cards;
}

std::vector<Finding> AnswersOf(const ChipModel& model, const std::vector<System>& systems) {
  const Estimate& e = model.nominal();
  const int64_t dies = model.fabric().dies;
  std::vector<Finding> list;
  list.push_back({"why not millions of tokens/s?", WhyNotMillions(model)});
  list.push_back(
      {"one chip or ten?",
       fmt::format("{}; ten cards are a server: ten times the users, none of them faster",
                   dies == 1 ? std::string("one die holds the model")
                             : fmt::format("{} dies of one card hold the model", dies))});
  list.push_back({"how long a context?", ContextAnswer(model)});
  list.push_back({"200 W or 2.4 kW?", PowerAnswer(model)});
  list.push_back({"what does a LoRA cost?", AdapterAnswer(model)});
  list.push_back({"3, 4 or 6 bits?", BitsAnswer(model)});
  list.push_back(
      {"obsolete before it ships?", ObsoleteAnswer(model, BreakEvensOf(model, systems))});
  list.push_back({"what does a token cost?", PriceAnswer(model)});
  list.push_back(
      {"what do defects do?",
       fmt::format("{:.0f} % of dies are good ({} of {} a wafer), spares repair {:.0f} % "
                   "of array defects",
                   e.die.yield * kPercent, e.die.good, e.die.gross,
                   model.constants()[Param::kRepair].nominal * kPercent)});
  list.push_back({"what would a card cost?",
                  fmt::format("{} USD of parts; with its share of two masks {} at 1,000 cards, {} "
                              "at 100,000",
                              Number(e.card.usd()), Number(CardPriceAt(e, 1e3, false)),
                              Number(CardPriceAt(e, 1e5, false)))});
  return list;
}

}  // namespace burin
