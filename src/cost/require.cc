#include "cost/require.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "base/near_names.h"

namespace burin {
namespace {

constexpr size_t kBeam = 6;  // designs that the next round starts from
constexpr size_t kMostChanges = 4;
constexpr int64_t kMostTries = 600;

struct QuantityInfo {
  Quantity quantity;
  const char* key;
  const char* unit;
  bool at_least;
};
constexpr QuantityInfo kQuantities[] = {
    {Quantity::kTokensPerS, "tokens_per_s", "tokens/s", true},
    {Quantity::kAggregate, "aggregate_tokens_per_s", "tokens/s", true},
    {Quantity::kFirstToken, "first_token_s", "s", false},
    {Quantity::kContext, "context", "positions", true},
    {Quantity::kArea, "area_mm2", "mm2", false},
    {Quantity::kPower, "power_w", "W", false},
    {Quantity::kUsdPerM, "usd_per_m_tokens", "USD", false},
    {Quantity::kCardCost, "card_cost_usd", "USD", false},
};

const QuantityInfo& InfoOf(Quantity quantity) {
  return *std::ranges::find(kQuantities, quantity, &QuantityInfo::quantity);
}

struct Knob {
  const char* name;
  int64_t ChipSpec::*field;
  bool keeps_cells;  // banks follow, so that a die holds as many cells as before
};
constexpr Knob kKnobs[] = {
    {"rows", &ChipSpec::rows, true},
    {"fold", &ChipSpec::fold, true},
    {"columns_per_scaler", &ChipSpec::columns_per_scaler, false},
    {"vector_lanes", &ChipSpec::vector_lanes, false},
    {"attention_positions", &ChipSpec::attention_positions, false},
    {"attention_heads", &ChipSpec::attention_heads, false},
    {"head_lanes", &ChipSpec::head_lanes, false},
    {"layer_engines", &ChipSpec::layer_engines, false},
    {"kv_bytes", &ChipSpec::kv_bytes, false},
};
constexpr double kFactors[] = {0.125, 0.25, 0.5, 2, 4, 8};

int64_t Cells(const ChipSpec& c) { return c.rows * c.fold * c.columns; }

// `chip` with a knob times `factor`; none where that is no whole number or changes nothing.
std::optional<ChipSpec> Turned(ChipSpec chip, const Knob& knob, double factor) {
  const int64_t before = chip.*knob.field, cells = Cells(chip);
  const double after = static_cast<double>(before) * factor;
  if (after < 1 || after != std::floor(after) || after > 1e15) return std::nullopt;
  chip.*knob.field = static_cast<int64_t>(after);
  if (knob.keeps_cells && chip.banks > 0) {
    chip.banks = (chip.banks * cells + Cells(chip) - 1) / Cells(chip);
  }
  if (knob.field == &ChipSpec::rows) {  // lanes divide rows
    chip.vector_lanes = std::gcd(chip.vector_lanes, chip.rows);
  }
  if (!ValidateChip(chip)) return std::nullopt;
  return chip;
}

class Search {
 public:
  Search(const ChipModel& model, const std::vector<Wish>& wishes)
      : model_(model), plan_(model.fabric().plan) {
    for (const Wish& wish : wishes) {
      if (wish.quantity == Quantity::kContext) context_ = static_cast<int64_t>(wish.value);
    }
  }

  int64_t tried() const { return tried_; }
  double reticle() const { return model_.constants().tech.reticle_mm2(); }
  bool CanBeMade(const Design& d) const { return d.estimate.die_mm2 <= reticle(); }

  std::optional<Design> Try(const ChipSpec& chip, std::vector<Change> changes) {
    ++tried_;
    ModelPlan plan = plan_;
    plan.needed_context = 1;
    auto fabric = Place(plan, chip, SizesFor(chip, plan.config, model_.constants().Nominal()));
    if (!fabric) return std::nullopt;
    Workload work = model_.workload();
    const ChipModel there(*fabric, model_.constants(), work, ChipModel::Bands::kNone);
    return Design{chip, std::move(changes), there.nominal(), fabric->dies, fabric->max_context};
  }

  // All designs that are one change away.
  std::vector<Design> Neighbours(const Design& from) {
    std::vector<Design> list;
    for (const Knob& knob : kKnobs) {
      if (Changed(from, knob.name)) continue;
      for (const double factor : FactorsOf(from, knob)) {
        if (tried_ >= kMostTries) return list;
        const auto chip = Turned(from.chip, knob, factor);
        if (!chip || chip->layer_engines > plan_.config.layers) continue;
        if (knob.field == &ChipSpec::layer_engines && chip->fold > 1) continue;
        std::vector<Change> changes = from.changes;
        changes.push_back({knob.name, fmt::format("{}", from.chip.*knob.field),
                           fmt::format("{}", (*chip).*knob.field)});
        if (auto design = Try(*chip, std::move(changes))) list.push_back(std::move(*design));
      }
    }
    return list;
  }

 private:
  static bool Changed(const Design& design, const std::string& knob) {
    return std::ranges::any_of(design.changes, [&](const Change& c) { return c.knob == knob; });
  }

  // KV memory goes to what the wish needs, the others by powers of two.
  std::vector<double> FactorsOf(const Design& from, const Knob& knob) const {
    if (knob.field != &ChipSpec::kv_bytes) return {std::begin(kFactors), std::end(kFactors)};
    if (context_ == 0 || from.max_context >= context_ || from.max_context == 0) return {};
    const auto need = static_cast<double>(context_) / static_cast<double>(from.max_context);
    const double bytes = std::ceil(static_cast<double>(from.chip.kv_bytes) * need);
    return {bytes / static_cast<double>(from.chip.kv_bytes)};
  }

  const ChipModel& model_;
  const ModelPlan plan_;
  int64_t context_ = 0;
  int64_t tried_ = 0;
};

// Fewest changes, then least area of all dies.
bool IsSmaller(const Design& a, const Design& b) {
  if (a.changes.size() != b.changes.size()) return a.changes.size() < b.changes.size();
  return a.estimate.area_mm2 < b.estimate.area_mm2;
}

std::string LimitSentence(const Search& search, const Design& nearest,
                          const std::vector<Wish>& missed) {
  std::string text;
  for (const Wish& wish : missed) {
    const double got = nearest.ValueOf(wish.quantity);
    text += fmt::format("{}{} {} {}", text.empty() ? "" : "; ", QuantityKey(wish.quantity),
                        IsAtLeast(wish.quantity) ? "ends at" : "stays at",
                        got >= 100 ? fmt::format("{:.0f}", got) : fmt::format("{:.4g}", got));
  }
  for (const Wish& wish : missed) {
    if (wish.quantity == Quantity::kContext) {
      return text + fmt::format(": KV SRAM, the rest of one exposure of {:.0f} mm2 holds no more",
                                search.reticle());
    }
    if (wish.quantity == Quantity::kTokensPerS || wish.quantity == Quantity::kFirstToken) {
      return text +
             ": latency, the steps of one token depend on each other, and a page has at "
             "least a group of rows";
    }
  }
  return text + ": area, what remains to be cut are the weights";
}

// The largest KV memory that still fits one exposure, for a wish of context that does not.
std::optional<Design> LargestContext(Search& search, const Design& from) {
  if (from.max_context < 1) return std::nullopt;
  double low = 0.01, high = 64;
  std::optional<Design> best;
  for (int i = 0; i < 14; ++i) {
    const double factor = std::sqrt(low * high);
    ChipSpec chip = from.chip;
    chip.kv_bytes = static_cast<int64_t>(static_cast<double>(chip.kv_bytes) * factor);
    std::vector<Change> changes = from.changes;
    changes.push_back(
        {"kv_bytes", fmt::format("{}", from.chip.kv_bytes), fmt::format("{}", chip.kv_bytes)});
    auto design = search.Try(chip, std::move(changes));
    const bool fits = design && search.CanBeMade(*design);
    if (fits) best = std::move(design);
    (fits ? low : high) = factor;
  }
  return best;
}

}  // namespace

const char* QuantityKey(Quantity quantity) { return InfoOf(quantity).key; }
const char* QuantityUnit(Quantity quantity) { return InfoOf(quantity).unit; }
bool IsAtLeast(Quantity quantity) { return InfoOf(quantity).at_least; }

Result<std::vector<Wish>> ParseWishes(const std::string& text) {
  std::vector<std::string> keys;
  for (const QuantityInfo& info : kQuantities) keys.emplace_back(info.key);
  std::vector<Wish> wishes;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string part = text.substr(at, end - at);
    at = end + 1;
    const size_t equals = part.find('=');
    const std::string key = part.substr(0, equals);
    const auto info = std::ranges::find(kQuantities, key, &QuantityInfo::key);
    if (equals == std::string::npos || info == std::end(kQuantities)) {
      return BadInput(
          "--require", fmt::format("'{}'", part),
          fmt::format("KEY=NUMBER,..., KEY such as {}", fmt::join(NearNames(key, keys, 4), ", ")));
    }
    const char *first = part.data() + equals + 1, *last = part.data() + part.size();
    double value = 0;
    const auto [stop, error] = std::from_chars(first, last, value);
    if (error != std::errc() || stop != last || !(value > 0) || value > 1e15) {
      return BadInput(fmt::format("--require {}", key),
                      fmt::format("'{}'", part.substr(equals + 1)),
                      fmt::format("a number of {} above 0", info->unit));
    }
    if (std::ranges::count(wishes, info->quantity, &Wish::quantity) > 0) {
      return BadInput("--require", fmt::format("{} twice", key), "each key once");
    }
    wishes.push_back({info->quantity, value});
  }
  return wishes;
}

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
  for (const Wish& wish : wishes) {
    if (wish.quantity == Quantity::kContext &&
        wish.value > static_cast<double>(fabric.plan.context)) {
      return BadInput("--require context", fmt::format("{:.0f}", wish.value),
                      fmt::format("at most the {} positions of the model", fabric.plan.context));
    }
  }
  Search search(model, wishes);
  Answer answer;
  answer.as_it_is = {fabric.chip, {}, model.nominal(), fabric.dies, fabric.max_context};
  std::vector<Design> beam = {answer.as_it_is};
  std::optional<Design> nearest;
  auto look = [&](const Design& design) {
    if (!search.CanBeMade(design)) return;
    const double missing = design.Shortfall(wishes);
    if (missing == 0 && (!answer.smallest || IsSmaller(design, *answer.smallest))) {
      answer.smallest = design;
    }
    if (!nearest || missing < nearest->Shortfall(wishes)) nearest = design;
  };
  look(answer.as_it_is);
  for (size_t round = 0; round < kMostChanges && !answer.smallest && !beam.empty(); ++round) {
    std::vector<Design> next;
    for (const Design& from : beam) {
      for (Design& design : search.Neighbours(from)) next.push_back(std::move(design));
    }
    for (const Design& design : next) look(design);
    const double reticle = search.reticle();
    auto distance = [&](const Design& d) {  // a die that is too large is as far as it is too large
      return d.Shortfall(wishes) + std::max(0.0, std::log(d.estimate.die_mm2 / reticle));
    };
    std::ranges::stable_sort(next, {}, distance);
    if (next.size() > kBeam) next.resize(kBeam);
    beam = std::move(next);
  }
  const bool wants_context = std::ranges::count(wishes, Quantity::kContext, &Wish::quantity) > 0;
  if (!answer.smallest && wants_context) {
    if (const auto largest = LargestContext(search, answer.as_it_is)) look(*largest);
  }
  answer.nearest = nearest ? *nearest : answer.as_it_is;
  for (const Wish& wish : wishes) {
    if (answer.nearest.Shortfall({wish}) > 0) answer.missed.push_back(wish);
  }
  if (!answer.smallest) answer.limit = LimitSentence(search, answer.nearest, answer.missed);
  answer.tried = search.tried();
  return answer;
}

std::optional<Design> TryKnob(const ChipModel& model, const std::string& knob, double factor) {
  const auto found = std::ranges::find(kKnobs, knob, &Knob::name);
  BURIN_CHECK(found != std::end(kKnobs));
  const ChipSpec& before = model.fabric().chip;
  const auto chip = Turned(before, *found, factor);
  if (!chip) return std::nullopt;
  Search search(model, {});
  return search.Try(*chip, {{knob, fmt::format("{}", before.*found->field),
                             fmt::format("{}", (*chip).*found->field)}});
}

}  // namespace burin
