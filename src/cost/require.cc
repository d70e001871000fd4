#include "cost/require.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "cost/binding.h"
#include "cost/findings.h"
#include "cost/search.h"

namespace burin {
namespace {

// The knobs of a die, at the clock that it has.
const std::vector<Knob> kOwn = {Knob::kRows,
                                Knob::kFold,
                                Knob::kColumnsPerScaler,
                                Knob::kVectorLanes,
                                Knob::kAttentionPositions,
                                Knob::kAttentionHeads,
                                Knob::kHeadLanes,
                                Knob::kLayerEngines,
                                Knob::kAdapterLanes,
                                Knob::kPositions};

// What the largest part of a sum is that is still too much.
std::string ShareSentence(const ChipModel& model, Quantity quantity, const Design& d) {
  const Estimate& e = d.estimate;
  if (quantity == Quantity::kUsdPerM) {
    return fmt::format("cost, {:.4f} USD of hardware and {:.4f} of electricity at {} tokens/s",
                       e.tokens.hardware, e.tokens.electricity,
                       ShortNumber(e.tokens_per_s_aggregate));
  }
  if (quantity == Quantity::kPower) {
    Point p = model.constants().Nominal();
    p.Set(Param::kClock, d.chip.clock_hz.nominal);
    return fmt::format("power, {} W of it are leakage and clock, which run without a token",
                       ShortNumber(TotalPower(StandingPower(e.area, p)) * p[Param::kSystemFactor]));
  }
  return fmt::format("area, the weight cells alone are {} mm2 of a die",
                     ShortNumber(e.area.front().mm2 / static_cast<double>(d.dies)));
}

// What keeps the nearest chip from the wishes.
std::string LimitSentence(const ChipModel& model, Search& search, const Answer& answer) {
  std::string missed;
  bool speed = false, all_users = false, context = false;
  for (const Wish& wish : answer.missed) {
    missed += fmt::format("{}{} {} {}", missed.empty() ? "" : "; ", QuantityKey(wish.quantity),
                          IsAtLeast(wish.quantity) ? "ends at" : "stays at",
                          ShortNumber(answer.nearest.ValueOf(wish.quantity)));
    speed |= wish.quantity == Quantity::kTokensPerS || wish.quantity == Quantity::kFirstToken;
    all_users |= wish.quantity == Quantity::kAggregate;
    context |= wish.quantity == Quantity::kContext;
  }
  const double reticle = model.constants().tech.reticle_mm2();
  if (context) {
    return missed +
           fmt::format(": KV SRAM, the rest of one exposure of {:.0f} mm2 holds no more", reticle);
  }
  if (!speed && !all_users) {
    return missed + ": " + ShareSentence(model, answer.missed.front().quantity, answer.nearest);
  }
  const auto fastest = search.Fastest(kOwn);
  if (!fastest) return missed + ": latency";
  std::vector<Wish> alone;
  for (const Wish& wish : answer.missed) {
    if (IsAtLeast(wish.quantity) || wish.quantity == Quantity::kFirstToken) alone.push_back(wish);
  }
  const std::string ends = fmt::format(
      "every knob at its fastest gives {} tokens/s for one user, {} for all, on {:.0f} mm2; one "
      "exposure is {:.0f}",
      ShortNumber(fastest->estimate.tokens_per_s_user),
      ShortNumber(fastest->estimate.tokens_per_s_aggregate), fastest->estimate.die_mm2, reticle);
  if (fastest->Shortfall(alone) == 0) return missed + ": area, " + ends;
  return missed +
         fmt::format(
             ": latency, the steps of one token depend on each other, and a page has "
             "at least a group of {} rows; ",
             model.fabric().plan.group) +
         ends;
}

void FindOthers(Search& search, Answer& answer) {
  const size_t no_limit = 100;
  if (!answer.smallest || answer.smallest->changes.size() > 1) {
    answer.with_clock = search.Smallest(
        kOwn, {Knob::kClock}, answer.smallest ? answer.smallest->changes.size() : no_limit);
  }
  if (answer.smallest || answer.with_clock) return;
  answer.with_dies = search.Smallest(kOwn, {Knob::kDies}, no_limit);
  if (answer.with_dies) return;
  answer.with_dies = search.Smallest(kOwn, {Knob::kDies, Knob::kClock}, no_limit);
}

}  // namespace

double Design::ValueOf(Quantity quantity) const {
  switch (quantity) {
    case Quantity::kTokensPerS:
      return estimate.tokens_per_s_user;
    case Quantity::kAggregate:
      return estimate.tokens_per_s_aggregate;
    case Quantity::kFirstToken:
      return estimate.first_token_s;
    case Quantity::kContext:
      return static_cast<double>(max_context);
    case Quantity::kArea:
      return estimate.die_mm2;
    case Quantity::kPower:
      return estimate.full_power_w;
    case Quantity::kUsdPerM:
      return estimate.tokens.usd();
    case Quantity::kCardCost:
      return estimate.card.usd();
  }
  BURIN_CHECK(!"unknown quantity");
  return 0;
}

double Design::Shortfall(const std::vector<Wish>& wishes) const {
  double sum = 0;
  for (const Wish& wish : wishes) {
    const double got = ValueOf(wish.quantity);
    const double missing =
        IsAtLeast(wish.quantity) ? wish.value / std::max(got, 1e-9) : got / wish.value;
    if (missing > 1) sum += std::min(std::log(missing), 100.0);
  }
  return sum;
}

Result<Answer> Require(const ChipModel& model, const std::vector<Wish>& wishes) {
  const PlacedFabric& fabric = model.fabric();
  const double context = WishedValue(wishes, Quantity::kContext);
  if (context > static_cast<double>(fabric.plan.context)) {
    return BadInput("--require context", fmt::format("{:.0f}", context),
                    fmt::format("at most the {} positions of the model", fabric.plan.context));
  }
  Search search(model, wishes);
  Answer answer;
  const Binding binding = LimitOf(model);
  answer.as_it_is = {fabric.chip,        {},
                     model.nominal(),    fabric.dies,
                     fabric.max_context, binding.limit + ": " + binding.reason};
  if (search.CanBeMade(answer.as_it_is) && answer.as_it_is.Shortfall(wishes) == 0) {
    answer.smallest = answer.as_it_is;
    return answer;
  }
  answer.smallest = search.Smallest(kOwn, {}, 100);
  FindOthers(search, answer);
  if (!answer.smallest) {
    answer.nearest = search.Nearest(kOwn);
    for (const Wish& wish : wishes) {
      if (answer.nearest.Shortfall({wish}) > 0) answer.missed.push_back(wish);
    }
    answer.limit = LimitSentence(model, search, answer);
  }
  answer.tried = search.tried();
  answer.complete = search.complete();
  return answer;
}

std::optional<Design> TryKnob(const ChipModel& model, Knob knob, int64_t value) {
  Search search(model, {});
  Setting setting = search.space().start();
  setting[knob] = value;
  return search.Exact(setting);
}

}  // namespace burin
