// The knobs that a search may turn, the ladder of values of each, and the chip that a choice makes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cost/chip_model.h"

namespace burin {

// What goes with a knob so that the chip stays what it was: with rows, fold and dies the number of
// banks, so that a chip holds as many cells as before (and the largest step of the model); with
// dies the KV and adapter SRAM of a die; with the clock the mm of wire that a cycle crosses.
enum class Knob : uint8_t {
  kRows,
  kFold,
  kColumnsPerScaler,
  kVectorLanes,
  kAttentionPositions,
  kAttentionHeads,
  kHeadLanes,
  kLayerEngines,  // of fold 1
  kAdapterLanes,
  kPositions,  // kv_bytes, for so many positions of one user
  kClock,      // percent of the nominal clock, up to its high end
  kDies,
  kCount
};
inline constexpr size_t kKnobCount = static_cast<size_t>(Knob::kCount);

// A value for every knob.
struct Setting {
  std::array<int64_t, kKnobCount> values{};
  int64_t& operator[](Knob k) { return values[static_cast<size_t>(k)]; }
  int64_t operator[](Knob k) const { return values[static_cast<size_t>(k)]; }
  auto operator<=>(const Setting&) const = default;
};

struct Change {
  std::string knob, from, to;  // "rows", "256", "128"
};

class KnobSpace {
 public:
  // The chip of `model` is where all changes start. `wished_context`: the largest number of
  // positions that KV SRAM is to hold; 0: none, KV SRAM stays.
  KnobSpace(const ChipModel& model, int64_t wished_context);

  const Setting& start() const { return start_; }
  // Other values than the start's, ascending; those that can make no difference are left out.
  const std::vector<int64_t>& Ladder(Knob knob) const {
    return ladders_[static_cast<size_t>(knob)];
  }
  // None where knobs or model refuse each other.
  std::optional<ChipSpec> ChipOf(const Setting& setting) const;
  std::vector<Change> ChangesOf(const Setting& setting, const ChipSpec& chip) const;
  // Positions that placement must leave room for: those of the setting, at most the model's.
  int64_t NeededContext(const Setting& setting) const;

 private:
  void SetBanks(const Setting& setting, ChipSpec& chip) const;
  bool SetMemories(const Setting& setting, ChipSpec& chip) const;

  const ChipSpec& base_;
  ModelPlan plan_;
  int64_t dies_ = 1;
  Setting start_;
  std::array<std::vector<int64_t>, kKnobCount> ladders_;
};

const char* KnobName(Knob knob);  // "rows"; the key in a chip's file

}  // namespace burin
