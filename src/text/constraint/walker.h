// Steps along the stacks of a grammar, byte by byte, with the way back.
#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "text/constraint/compiled.h"

namespace burin::constraint {

// A place: a state, and the frame of what comes behind its rule.
struct Place {
  uint32_t state;
  uint32_t frame;
  bool operator==(const Place&) const = default;
};

// Works on one stack and what follows from it. Frame 0 is the bottom: what pops it has ended.
class Walker {
 public:
  // The end of a text, as a state without edges.
  static constexpr uint32_t kEnd = kNoState - 1;

  // `stack` is not empty.
  Walker(const Compiled& compiled, const Stack& stack);

  // The place of the stack itself.
  Place start() const { return {top_, static_cast<uint32_t>(frames_.size()) - 1}; }

  // Appends to `out` the places that `places` reach with `byte`, without what follows freely.
  void Step(const std::vector<Place>& places, size_t begin, uint8_t byte, std::vector<Place>& out);
  // Step and Close from one place, where nothing follows freely: 1 and the place, 0 if there is
  // none, or -1 if it is not so simple.
  int StepPlain(Place place, uint8_t byte, Place* out);
  // Replaces out[begin, ...) by all places that they lead to without a byte: those where a byte
  // can be taken, and kEnd.
  void Close(std::vector<Place>& out, size_t begin);

  // Frames can be taken back to an earlier count.
  size_t frames() const { return frames_.size(); }
  void Truncate(size_t frames) { frames_.resize(frames); }

  // The stack of a place, as short as possible: states that only end are taken off. Empty: the end.
  Stack StackOf(Place place) const;

  // How many states of the stack, from its top, were looked at; stack size + 1: its bottom too.
  uint32_t looked_at() const { return looked_at_; }
  // The levels that were needed above the stack.
  uint32_t rise() const { return rise_; }
  // A call was not made for want of levels.
  bool hit_limit() const { return hit_limit_; }

 private:
  struct Frame {
    uint32_t state;  // where the caller goes on
    uint32_t parent;
    uint32_t depth;
  };
  bool OnlyEnds(uint32_t state) const;
  bool CanTakeByte(Place place) const;
  void AddWork(Place place);
  void Pop(uint32_t frame);
  void Push(const CallEdge& call, uint32_t frame);
  uint32_t AddFrame(uint32_t state, uint32_t parent);

  const Compiled& compiled_;
  uint32_t top_;
  std::vector<Frame> frames_;
  size_t own_;  // frames of the stack itself
  uint32_t looked_at_ = 1;
  uint32_t rise_ = 0;
  bool hit_limit_ = false;
  std::vector<Place> work_;
  std::unordered_set<uint64_t> seen_;  // what is in work_, once that is long
  bool has_live_ = false;              // some place in work_ can take a byte, or is the end
};

}  // namespace burin::constraint
