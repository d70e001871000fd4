// Sentences with numbers for the questions that people ask of such chips.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cost/findings.h"

namespace burin {
namespace {

constexpr double kPercent = 100;

std::string WhyNotMillions(const ChipModel& model) {
  const TokenSchedule& s = model.schedule();
  const Estimate& e = model.nominal();
  std::string text = fmt::format(
      "a token is a chain of {} steps, {} cycles: {:.1f} us at {:.0f} MHz", s.steps.size(),
      ShortNumber(static_cast<double>(s.cycles)), e.token_s * 1e6, e.clock_hz / 1e6);
  if (e.users <= 1) {
    return text + fmt::format("; banks are folded {} times, so one token has the die",
                              model.fabric().chip.fold);
  }
  return text + fmt::format("; {} users overlap: {} tokens/s, limited by {}", e.users,
                            ShortNumber(e.tokens_per_s_aggregate), UserLimitName(e.user_limit));
}

std::string OneOrTen(const ChipModel& model) {
  const PlacedFabric& f = model.fabric();
  const auto built = static_cast<double>(model.inventory().cell_sites);
  const double used = kPercent * static_cast<double>(model.inventory().cells_used) / built;
  const double copies = CopiesInServer(f.dies);
  const std::string holds = f.dies == 1
                                ? std::string("one die holds the model")
                                : fmt::format("{} dies, a card each, hold the model", f.dies);
  const std::string server =
      copies >= 1 ? fmt::format(
                        "ten cards are a server, which holds it {:.3g} times: more users, "
                        "none of them faster",
                        copies)
                  : fmt::format("a server of ten cards holds {:.0f} % of it", kPercent * copies);
  return fmt::format("{}, {:.0f} % of the cells used; {}", holds, used, server);
}

std::string ContextAnswer(const ChipModel& model) {
  const ModelConfig& c = model.fabric().plan.config;
  const auto per_position = static_cast<double>(KvBytesPerPosition(c, c.layers));
  const double far = SramMm2(model, per_position * 131072);
  return fmt::format(
      "{} positions of 8 bits in {} MB of SRAM; 1,000 more are {:.1f} mm2 (half at 4 bits, "
      "double at 16); 131,072 would be {} mm2, {:.1f} exposures",
      ShortNumber(static_cast<double>(model.fabric().max_context)),
      ShortNumber(static_cast<double>(model.inventory().kv_bits) / 8e6),
      SramMm2(model, per_position * 1000), ShortNumber(far),
      far / model.constants().tech.reticle_mm2());
}

std::string PowerAnswer(const ChipModel& model) {
  const Estimate& e = model.nominal();
  const auto dies = static_cast<double>(model.fabric().dies);
  return fmt::format(
      "a card {} W: {} W explained, times {:.1f} that nobody has explained ({:.2g} W/mm2); "
      "a server of ten, all busy, with its host {:.2g} kW",
      ShortNumber(e.card_power_w / dies), ShortNumber(e.power_w / dies),
      model.constants()[Param::kSystemFactor].nominal, e.watt_per_mm2, e.server.power_w / 1e3);
}

std::string AdapterAnswer(const ChipModel& model) {
  const int64_t asked = model.workload().adapter_rank;
  const int64_t rank = asked > 0 ? asked : std::min<int64_t>(16, model.fabric().chip.max_rank);
  const AdapterPrice price = PriceOfAdapter(model, rank);
  const AdapterPrice none = PriceOfAdapter(model, 0);
  return fmt::format(
      "rank {} on all matrices: {:.3g} MB, {:.2g} mm2 of SRAM{}; {} tokens/s instead of {}; on q "
      "and v alone {:.3g} MB",
      rank, price.bytes / 1e6, price.mm2, price.fits ? "" : " (more than the chip has)",
      ShortNumber(price.tokens_per_s), ShortNumber(none.tokens_per_s), price.q_v_bytes / 1e6);
}

std::string BitsAnswer(const ChipModel& model) {
  std::string text;
  for (const BitsArea& b : AreaByBits(model)) {
    text += fmt::format("{}{} bits {} mm2 ({} of cells, {} lines)", text.empty() ? "" : ", ",
                        b.bits, ShortNumber(b.die_mm2), ShortNumber(b.cells_mm2), b.levels);
  }
  return text;
}

std::string ObsoleteAnswer(const ChipModel& model, const std::vector<BreakEven>& list) {
  const ModelCost& cost = model.nominal().model;
  std::string text =
      fmt::format("{} masks: {} USD and {:.0f} weeks; the first chip {} USD and {:.0f}",
                  kProgrammedMasks * model.fabric().dies, ShortNumber(cost.respin),
                  cost.respin_weeks, ShortNumber(cost.first), cost.first_weeks);
  if (list.empty()) return text;
  const BreakEven& b = list.front();
  if (std::isinf(b.respin_tokens)) {
    return text + fmt::format("; renting {} at {:.3f} USD a million is cheaper", b.against,
                              b.rented_usd_per_m);
  }
  return text + fmt::format(
                    "; against a rented {} the masks are paid after {} tokens, {:.1f} "
                    "months of one server",
                    b.against, ShortNumber(b.respin_tokens), b.respin_months_of_server);
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

// Best throughput beside best throughput.
std::string BatchAnswer(const ChipModel& model, const std::vector<System>& systems) {
  const Estimate& e = model.nominal();
  std::string text =
      fmt::format("this chip {} tokens/s for one user, {} for all",
                  ShortNumber(e.tokens_per_s_user), ShortNumber(e.tokens_per_s_aggregate));
  for (const System& s : systems) {
    if (!s.tokens_per_s_user || !s.tokens_per_s_best) continue;
    text += fmt::format("; {} with {} {} [{}] and {} [{}]", s.name, s.model,
                        ShortNumber(s.tokens_per_s_user->value), s.tokens_per_s_user->grade,
                        ShortNumber(s.tokens_per_s_best->value), s.tokens_per_s_best->grade);
  }
  return text;
}

// Expected tokens of a round of k drafts, each taken with probability a: (1 - a^(k+1)) / (1 - a).
std::string DraftAnswer(const ChipModel& model, const std::vector<System>& systems) {
  constexpr double kTaken = 0.8;
  constexpr int kDrafts = 8;
  const Estimate& e = model.nominal();
  const double round = (1 - std::pow(kTaken, kDrafts + 1)) / (1 - kTaken);
  const TokenSchedule& s = model.schedule();
  const auto verify = static_cast<double>(s.cycles + kDrafts * s.bottleneck_cycles);
  std::string text = fmt::format(
      "if {:.0f} % of {} drafts are taken ({:.1f} tokens a round): verified here a round takes "
      "{:.1f} token times, so {}",
      kPercent * kTaken, kDrafts, round, verify / static_cast<double>(s.cycles),
      verify / static_cast<double>(s.cycles) >= round ? "nothing is gained"
                                                      : "it pays with a fast draft");
  for (const System& system : systems) {
    if (!system.tokens_per_s_user || !system.tokens_per_s_best) continue;
    const double target = system.tokens_per_s_user->value;
    const double speed = round / (kDrafts / e.tokens_per_s_user + 1 / target);
    return text + fmt::format(
                      "; as the draft of a target that {} verifies at {} rounds/s: {} "
                      "tokens/s",
                      system.name, ShortNumber(target), ShortNumber(speed));
  }
  return text;
}

std::string DefectAnswer(const ChipModel& model) {
  const Estimate& e = model.nominal();
  return fmt::format(
      "{:.0f} % of dies are good ({} of {} a wafer), spares repair {:.0f} % of array "
      "defects",
      e.die.yield * kPercent, e.die.good, e.die.gross,
      model.constants()[Param::kRepair].nominal * kPercent);
}

std::string CardAnswer(const ChipModel& model) {
  const Estimate& e = model.nominal();
  const int64_t dies = model.fabric().dies;
  return fmt::format(
      "{} USD of parts{}; with a share of the masks {} at 1,000 made, {} at 100,000",
      ShortNumber(e.card.usd()), dies == 1 ? std::string() : fmt::format(" for {} cards", dies),
      ShortNumber(CardPriceAt(e, 1e3, false)), ShortNumber(CardPriceAt(e, 1e5, false)));
}

}  // namespace

std::vector<Finding> AnswersOf(const ChipModel& model, const std::vector<System>& systems) {
  return {
      {"why not millions of tokens/s?", WhyNotMillions(model), true},
      {"one chip or ten?", OneOrTen(model), true},
      {"how long a context?", ContextAnswer(model), true},
      {"200 W or 2.4 kW?", PowerAnswer(model), true},
      {"what does a LoRA cost?", AdapterAnswer(model), true},
      {"3, 4 or 6 bits?", BitsAnswer(model), true},
      {"obsolete before it ships?", ObsoleteAnswer(model, BreakEvensOf(model, systems)), true},
      {"what does a token cost?", PriceAnswer(model)},
      {"what would a card cost?", CardAnswer(model)},
      {"what do defects do?", DefectAnswer(model)},
      {"and a GPU with many users?", BatchAnswer(model, systems)},
      {"speculative decoding?", DraftAnswer(model, systems)},
      {"which sampling?",
       fmt::format("the {} largest logits leave the chip; temperature, top-p and the seed are the "
                   "host's, and the same seed gives the same text",
                   model.fabric().chip.top_k)},
  };
}

}  // namespace burin
