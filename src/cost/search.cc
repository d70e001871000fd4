#include "cost/search.h"

#include <algorithm>
#include <cmath>

#include "cost/binding.h"

namespace burin {
namespace {

constexpr size_t kMostChanges = 6;
// Work that a question may take: outlines times steps of the program, and chips placed as a whole
// times blocks, of one size of sets.
constexpr int64_t kMostSteps = 1'700'000;
constexpr int64_t kMostBlocks = 5'000'000;
// A knob alone is not quite monotone: a tree may have a level more where rows are fewer.
constexpr double kSlack = 1.02;

bool IsSpeed(Quantity q) {
  return q == Quantity::kTokensPerS || q == Quantity::kAggregate || q == Quantity::kFirstToken;
}

std::vector<Wish> SpeedOf(const std::vector<Wish>& wishes, double slack) {
  std::vector<Wish> speed;
  for (const Wish& wish : wishes) {
    if (!IsSpeed(wish.quantity)) continue;
    speed.push_back(
        {wish.quantity, IsAtLeast(wish.quantity) ? wish.value / slack : wish.value * slack});
  }
  return speed;
}

// Calls `use` with every set of `size` of the knobs, in order.
template <typename Use>
void ForEachSet(const std::vector<Knob>& knobs, size_t size, const Use& use) {
  std::vector<size_t> at(size);
  for (size_t i = 0; i < size; ++i) at[i] = i;
  if (size > knobs.size()) return;
  for (;;) {
    std::vector<Knob> set;
    set.reserve(size);
    for (const size_t i : at) set.push_back(knobs[i]);
    use(set);
    size_t i = size;
    while (i > 0 && at[i - 1] == knobs.size() - size + i - 1) --i;
    if (i == 0) return;
    ++at[i - 1];
    for (size_t k = i; k < size; ++k) at[k] = at[k - 1] + 1;
  }
}

}  // namespace

Search::Search(const ChipModel& model, const std::vector<Wish>& wishes)
    : model_(model),
      wishes_(wishes),
      space_(model, std::llround(WishedValue(wishes, Quantity::kContext))),
      plan_(model.fabric().plan),
      work_(model.workload()),
      most_tries_(kMostSteps / static_cast<int64_t>(model.fabric().program.size())),
      most_exact_(1 + kMostBlocks / static_cast<int64_t>(model.fabric().blocks.size())) {
  plan_.needed_context = 1;
  const bool prompt = WishedValue(wishes, Quantity::kFirstToken) > 0;
  bands_ = prompt ? ChipModel::Bands::kNone : ChipModel::Bands::kNoPrompt;
}

bool Search::CanBeMade(const Design& d) const {
  return FitsExposure(d.estimate, model_.constants().tech) &&
         CanBeCooled(d.estimate, model_.constants()) && d.max_context >= work_.context;
}

const Search::Sketch* Search::Outline(const Setting& setting) {
  const auto [at, is_new] = sketches_.try_emplace(setting);
  std::optional<Sketch>& sketch = at->second;
  if (!is_new) return sketch ? &*sketch : nullptr;
  ++tried_;
  const auto chip = space_.ChipOf(setting);
  if (!chip) return nullptr;
  plan_.needed_context = space_.NeededContext(setting);
  const auto fabric = PlaceOutline(plan_, *chip);
  if (!fabric || fabric->dies != std::max(setting[Knob::kDies], model_.fabric().dies))
    return nullptr;
  Constants constants = model_.constants();
  constants.brackets[static_cast<size_t>(Param::kClock)] = chip->clock_hz;
  const ChipModel there(*fabric, std::move(constants), work_, bands_);
  sketch.emplace();
  sketch->design = {*chip, {}, there.nominal(), fabric->dies, fabric->max_context, {}};
  sketch->fits = CanBeMade(sketch->design);
  return &*sketch;
}

std::optional<Design> Search::Exact(const Setting& setting) {
  const auto chip = space_.ChipOf(setting);
  if (!chip) return std::nullopt;
  plan_.needed_context = space_.NeededContext(setting);
  const auto fabric = Place(plan_, *chip, SizesFor(*chip, plan_.config, model_.constants()));
  if (!fabric) return std::nullopt;
  Constants constants = model_.constants();
  constants.brackets[static_cast<size_t>(Param::kClock)] = chip->clock_hz;
  const ChipModel there(*fabric, std::move(constants), work_, ChipModel::Bands::kNone);
  const Binding binding = LimitOf(there);
  return Design{*chip,
                space_.ChangesOf(setting, *chip),
                there.nominal(),
                fabric->dies,
                fabric->max_context,
                binding.limit + ": " + binding.reason};
}

// The fastest and the smallest value of each knob, alone. Where tokens of all users are wished,
// fold 1 and many engines belong together.
void Search::FindCorners() {
  if (has_corners_) return;
  has_corners_ = true;
  const bool all_users = WishedValue(wishes_, Quantity::kAggregate) > 0;
  for (size_t k = 0; k < kKnobCount; ++k) {
    const auto knob = static_cast<Knob>(k);
    Setting setting = space_.start();
    fastest_[k] = smallest_[k] = setting[knob];
    const auto& ladder = space_.Ladder(knob);
    if (ladder.empty()) continue;
    if (knob == Knob::kPositions || knob == Knob::kClock) {
      fastest_[k] = ladder.back();
      smallest_[k] = knob == Knob::kClock ? setting[knob] : ladder.back();
      continue;
    }
    double speed = 0, area = INFINITY;
    auto look = [&](int64_t value) {
      setting[knob] = value;
      const Sketch* sketch = Outline(setting);
      if (sketch == nullptr) return;
      const Estimate& e = sketch->design.estimate;
      if (e.tokens_per_s_user > speed) speed = e.tokens_per_s_user, fastest_[k] = value;
      if (e.die_mm2 < area) area = e.die_mm2, smallest_[k] = value;
    };
    look(setting[knob]);
    for (const int64_t value : ladder) look(value);
    if (!all_users) continue;
    if (knob == Knob::kFold) fastest_[k] = 1;
    if (knob == Knob::kLayerEngines || knob == Knob::kDies) fastest_[k] = ladder.back();
  }
}

Setting Search::Corner(const std::vector<Knob>& open, Setting setting, bool fastest) {
  for (const Knob knob : open) {
    setting[knob] = (fastest ? fastest_ : smallest_)[static_cast<size_t>(knob)];
  }
  return setting;
}

// Whether some value of the open knobs may do, by the speed of the fastest and the size of the
// smallest.
bool Search::Promising(const std::vector<Knob>& open, const Setting& setting) {
  const bool engines_open = std::ranges::count(open, Knob::kLayerEngines) > 0;
  const bool fold_open = std::ranges::count(open, Knob::kFold) > 0;
  if (engines_open && !fold_open && setting[Knob::kFold] > 1) return false;  // no use of them
  const Sketch* fast = Outline(Corner(open, setting, true));
  if (fast != nullptr && fast->design.Shortfall(SpeedOf(wishes_, kSlack)) > 0) return false;
  const Sketch* small = Outline(Corner(open, setting, false));
  if (small == nullptr) return true;
  const double most = WishedValue(wishes_, Quantity::kArea);
  const double reticle = model_.constants().tech.reticle_mm2();
  const double usd = WishedValue(wishes_, Quantity::kCardCost);
  const Estimate& e = small->design.estimate;
  if (usd > 0 && e.card.usd() > usd * kSlack) return false;
  const double a_million = WishedValue(wishes_, Quantity::kUsdPerM);
  if (a_million > 0 && fast != nullptr) {  // the cheapest hardware at the highest speed
    const double faster = fast->design.estimate.tokens_per_s_aggregate / e.tokens_per_s_aggregate;
    if (e.tokens.hardware / std::max(faster, 1.0) > a_million * kSlack) return false;
  }
  if (small->design.ValueOf(Quantity::kContext) < WishedValue(wishes_, Quantity::kContext)) {
    return false;
  }
  return e.die_mm2 <= (most > 0 ? std::min(most, reticle) : reticle);
}

void Search::Descend(const std::vector<Knob>& set, size_t at, Setting& setting) {
  if (tried_ >= last_try_) complete_ = false;
  if (tried_ >= last_try_) return;
  if (!Promising({set.begin() + static_cast<std::ptrdiff_t>(at), set.end()}, setting)) return;
  if (at == set.size()) {
    const Sketch* sketch = Outline(setting);
    if (sketch == nullptr || !sketch->fits || sketch->design.Shortfall(wishes_) > 0) return;
    found_.emplace_back(sketch->design.estimate.card.usd(), setting);
    return;
  }
  const Knob knob = set[at];
  if (knob == Knob::kClock) return SolveClock(set, at, setting);
  const int64_t before = setting[knob];
  const auto& ladder = space_.Ladder(knob);
  const size_t first = knob == Knob::kPositions ? ladder.size() - 1 : 0;  // all that was wished
  for (size_t i = first; i < ladder.size(); ++i) {
    setting[knob] = ladder[i];
    Descend(set, at + 1, setting);
  }
  setting[knob] = before;
}

// The lowest clock that is fast enough, more only heats; the highest where no speed is wished but
// what follows from it.
void Search::SolveClock(const std::vector<Knob>& set, size_t at, Setting& setting) {
  const auto& ladder = space_.Ladder(Knob::kClock);
  const auto wishes = SpeedOf(wishes_, 1);
  if (wishes.empty()) {
    setting[Knob::kClock] = ladder.back();
    Descend(set, at + 1, setting);
    setting[Knob::kClock] = space_.start()[Knob::kClock];
    return;
  }
  const auto lowest = std::partition_point(ladder.begin(), ladder.end(), [&](int64_t percent) {
    setting[Knob::kClock] = percent;
    const Sketch* sketch = Outline(setting);
    return sketch == nullptr || sketch->design.Shortfall(wishes) > 0;
  });
  if (lowest != ladder.end()) {
    setting[Knob::kClock] = *lowest;
    Descend(set, at + 1, setting);
  }
  setting[Knob::kClock] = space_.start()[Knob::kClock];
}

// The chip of a setting that promised to do; wires may cost a little more clock.
std::optional<Design> Search::Settle(Setting setting) {
  const auto& ladder = space_.Ladder(Knob::kClock);
  for (;;) {
    auto design = Exact(setting);
    if (!design || !CanBeMade(*design)) return std::nullopt;
    if (design->Shortfall(wishes_) == 0) return design;
    const bool slow = design->Shortfall(SpeedOf(wishes_, 1)) > 0;
    const auto next = std::ranges::upper_bound(ladder, setting[Knob::kClock]);
    if (!slow || setting[Knob::kClock] == space_.start()[Knob::kClock] || next == ladder.end()) {
      return std::nullopt;
    }
    setting[Knob::kClock] = *next;
  }
}

std::optional<Design> Search::Best() {
  std::ranges::sort(found_);
  std::optional<Design> best;
  int64_t exact = 0;
  for (const auto& [usd, setting] : found_) {
    if (best && usd >= best->estimate.card.usd()) break;
    if (exact++ == most_exact_) {
      complete_ = false;
      break;
    }
    auto design = Settle(setting);
    if (!design) continue;
    if (!best || design->estimate.card.usd() < best->estimate.card.usd()) best = std::move(design);
  }
  found_.clear();
  return best;
}

std::optional<Design> Search::Smallest(const std::vector<Knob>& knobs,
                                       const std::vector<Knob>& always, size_t below) {
  FindCorners();
  std::vector<Knob> turning;
  for (const Knob knob : knobs) {
    if (!space_.Ladder(knob).empty()) turning.push_back(knob);
  }
  for (const Knob knob : always) {
    if (space_.Ladder(knob).empty()) return std::nullopt;
  }
  last_try_ = tried_ + most_tries_;
  const size_t most = std::min(below, kMostChanges + 1);
  for (size_t size = std::max<size_t>(1, always.size()); size < most; ++size) {
    ForEachSet(turning, size - always.size(), [&](std::vector<Knob> set) {
      set.insert(set.end(), always.begin(), always.end());
      Setting setting = space_.start();
      Descend(set, 0, setting);
    });
    if (auto best = Best()) return best;
  }
  return std::nullopt;
}

Search::Rank Search::RankOf(const Setting& setting) {
  const Sketch* sketch = Outline(setting);
  if (sketch == nullptr) return {INFINITY, INFINITY, INFINITY};
  const Design& d = sketch->design;
  const double reticle = model_.constants().tech.reticle_mm2();
  const double cooled = model_.constants()[Param::kPowerLimit].nominal;
  auto over = [](double value, double most) { return std::max(0.0, std::log(value / most)); };
  constexpr double kMargin = 0.985;  // for the wires that an outline has not
  const double cannot =
      over(d.estimate.die_mm2, reticle * kMargin) + over(d.estimate.watt_per_mm2, cooled) +
      over(static_cast<double>(work_.context), static_cast<double>(d.max_context));
  return {cannot, d.Shortfall(wishes_), d.estimate.area_mm2};
}

// Turns one knob at a time, the one that helps most, until none does.
void Search::Approach(const std::vector<Knob>& knobs, Setting at, std::vector<Ranked>& visited) {
  Rank rank = RankOf(at);
  const int64_t end = tried_ + most_tries_ / 3;
  for (bool moved = true; moved && tried_ < end;) {
    visited.emplace_back(rank, at);
    moved = false;
    const Setting from = at;
    for (const Knob knob : knobs) {
      std::vector<int64_t> values = space_.Ladder(knob);
      values.push_back(space_.start()[knob]);
      for (const int64_t value : values) {
        Setting next = from;
        next[knob] = value;
        const Rank there = RankOf(next);
        if (there < rank) rank = there, at = next, moved = true;
      }
    }
  }
}

Design Search::Nearest(const std::vector<Knob>& knobs) {
  std::vector<Ranked> visited;
  Approach(knobs, space_.start(), visited);
  for (const int64_t rows : space_.Ladder(Knob::kRows)) {  // which go together with all others
    Setting from = space_.start();
    from[Knob::kRows] = rows;
    Approach(knobs, from, visited);
  }
  std::ranges::sort(visited);
  for (const auto& [unused, setting] : visited) {
    const Sketch* sketch = Outline(setting);
    if (sketch == nullptr || !sketch->fits) continue;
    auto design = Exact(setting);
    if (design && CanBeMade(*design)) return *design;
  }
  return *Exact(space_.start());
}

std::optional<Design> Search::Fastest(const std::vector<Knob>& knobs) {
  FindCorners();
  const Sketch* sketch = Outline(Corner(knobs, space_.start(), true));
  if (sketch == nullptr) return std::nullopt;
  return sketch->design;
}

}  // namespace burin
