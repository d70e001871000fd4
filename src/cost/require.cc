#include "cost/require.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "cost/binding.h"
#include "cost/search.h"

namespace burin {
namespace {

// The knobs of a die, at the clock that it has.
const std::vector<Knob> kOwn = {
    Knob::kRows,           Knob::kFold,      Knob::kColumnsPerScaler, Knob::kVectorLanes,
    Knob::kAttentionPositions, Knob::kAttentionHeads, Knob::kHeadLanes, Knob::kLayerEngines,
    Knob::kAdapterLanes,   Knob::kPositions};

std::string Figure(double v) {
  return v >= 100 ? fmt::format("{:.0f}", v) : fmt::format("{:.4g}", v);
}

// What keeps the nearest chip from the wishes.
std::string LimitSentence(const ChipModel& model, Search& search, const Answer& answer) {
  std::string missed;
  bool speed = false, context = false;
  for (const Wish& wish : answer.missed) {
    missed += fmt::format("{}{} {} {}", missed.empty() ? "" : "; ", QuantityKey(wish.quantity),
                          IsAtLeast(wish.quantity) ? "ends at" : "stays at",
                          Figure(answer.nearest.ValueOf(wish.quantity)));
    speed |= wish.quantity == Quantity::kTokensPerS || wish.quantity == Quantity::kFirstToken;
    context |= wish.quantity == Quantity::kContext;
  }
  const double reticle = model.constants().tech.reticle_mm2();
  if (context) {
    return missed + fmt::format(": KV SRAM, the rest of one exposure of {:.0f} mm2 holds no more",
                                reticle);
  }
  const auto fastest = search.Fastest(kOwn);
  std::vector<Wish> alone;
  for (const Wish& wish : answer.missed) {
    if (IsAtLeast(wish.quantity) || wish.quantity == Quantity::kFirstToken) alone.push_back(wish);
  }
  if (speed && fastest && fastest->Shortfall(alone) > 0) {
    return missed +
           fmt::format(": latency, the steps of one token depend on each other, and a page has at "
                       "least a group of {} rows; with every knob at its fastest {} tokens/s, on "
                       "{:.0f} mm2",
                       model.fabric().plan.group, Figure(fastest->estimate.tokens_per_s_user),
                       fastest->estimate.die_mm2);
  }
  if (speed) {
    return missed + fmt::format(": area, what is fast enough is larger than one exposure of {:.0f} "
                                "mm2 or than the wish, or hotter than cooling takes",
                                reticle);
  }
  return missed + ": area, what remains to be cut are the weights";
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
  answer.as_it_is = {fabric.chip,        {}, model.nominal(), fabric.dies, fabric.max_context,
                     binding.limit + ": " + binding.reason};
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
