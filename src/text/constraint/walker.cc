#include "text/constraint/walker.h"

#include <algorithm>

namespace burin::constraint {
namespace {

// Places of one stack between two bytes, and before one. Beyond, alternatives are left out; those
// that remain can go on.
constexpr size_t kMaxPlaces = 256;
constexpr size_t kMaxWork = 4096;
// Longer lists are searched by hash; earlier frames are not looked at to find an equal one.
constexpr size_t kShort = 64;

}  // namespace

Walker::Walker(const Compiled& compiled, const Stack& stack)
    : compiled_(compiled), top_(stack.back()) {
  frames_.push_back({kEnd, 0, 0});
  for (size_t i = 0; i + 1 < stack.size(); ++i) {
    frames_.push_back({stack[i], static_cast<uint32_t>(i), static_cast<uint32_t>(i) + 1});
  }
  own_ = frames_.size();
}

bool Walker::OnlyEnds(uint32_t state) const {
  const StateInfo& info = compiled_.states[state];
  return info.final && info.byte_need == kNever && !compiled_.HasCalls(state);
}

bool Walker::CanTakeByte(Place place) const {
  return frames_[place.frame].depth + compiled_.states[place.state].byte_need <= kMaxStack;
}

void Walker::Step(const std::vector<Place>& places, size_t begin, uint8_t byte,
                  std::vector<Place>& out) {
  const size_t end = places.size(), out_begin = out.size();
  for (size_t i = begin; i < end; ++i) {
    const Place place = places[i];
    if (place.state == kEnd) continue;
    const uint32_t next = compiled_.Next(place.state, byte);
    if (next == kNoState) continue;
    const uint32_t needed = frames_[place.frame].depth + compiled_.states[next].need;
    const auto own_depth = static_cast<uint32_t>(own_) - 1;
    if (needed > own_depth) rise_ = std::max(rise_, needed - own_depth);
    if (needed > kMaxStack) {
      hit_limit_ = true;
      continue;
    }
    const Place reached{next, place.frame};
    const auto first = out.begin() + static_cast<ptrdiff_t>(out_begin);
    if (out.size() - out_begin < kMaxPlaces && std::find(first, out.end(), reached) == out.end()) {
      out.push_back(reached);
    }
  }
}

int Walker::StepPlain(Place place, uint8_t byte, Place* out) {
  if (place.state == kEnd) return 0;
  const uint32_t next = compiled_.Next(place.state, byte);
  if (next == kNoState) return 0;
  const StateInfo& info = compiled_.states[next];
  if (!info.plain || frames_[place.frame].depth + info.need >= own_) return -1;
  *out = {next, place.frame};
  return 1;
}

void Walker::Close(std::vector<Place>& out, size_t begin) {
  if (out.size() == begin + 1) {  // the common case: nothing follows freely
    const Place place = out[begin];
    if (place.state != kEnd && !compiled_.states[place.state].final &&
        !compiled_.HasCalls(place.state)) {
      return;
    }
  }
  work_.clear();
  seen_.clear();
  has_live_ = false;
  for (size_t i = begin; i < out.size(); ++i) AddWork(out[i]);
  for (size_t i = 0; i < work_.size(); ++i) {
    const Place place = work_[i];
    if (place.state == kEnd) continue;
    if (compiled_.states[place.state].final) Pop(place.frame);
    for (uint32_t c = compiled_.FirstCall(place.state); c < compiled_.EndCall(place.state); ++c) {
      Push(compiled_.calls[c], place.frame);
    }
  }
  out.resize(begin);
  for (const Place& place : work_) {
    if (place.state == kEnd || CanTakeByte(place)) out.push_back(place);
  }
}

void Walker::AddWork(Place place) {
  if (has_live_ && work_.size() >= kMaxWork) return;
  const auto key = [](Place p) { return (uint64_t{p.state} << 32) | p.frame; };
  if (work_.size() < kShort) {
    if (std::find(work_.begin(), work_.end(), place) != work_.end()) return;
  } else {
    if (seen_.empty()) {
      for (const Place& old : work_) seen_.insert(key(old));
    }
    if (!seen_.insert(key(place)).second) return;
  }
  has_live_ = has_live_ || place.state == kEnd || CanTakeByte(place);
  work_.push_back(place);
}

void Walker::Pop(uint32_t frame) {
  if (frame < own_) {
    // Frame `frame` of the stack holds its state number `frame` from below (1-based).
    looked_at_ = std::max(looked_at_, static_cast<uint32_t>(own_) - frame + 1);
  }
  const Frame& popped = frames_[frame];
  AddWork({popped.state, popped.parent});
}

void Walker::Push(const CallEdge& call, uint32_t frame) {
  const StateInfo& behind = compiled_.states[call.to];
  const bool tail = OnlyEnds(call.to);
  const uint32_t start = compiled_.rule_start[call.rule];
  const uint32_t depth = frames_[frame].depth + (tail ? 0 : 1);
  const uint32_t needed =
      std::max(depth + compiled_.states[start].need, frames_[frame].depth + behind.need);
  const auto own_depth = static_cast<uint32_t>(own_) - 1;
  rise_ = std::max(rise_, needed > own_depth ? needed - own_depth : 0);
  if (needed > kMaxStack) {
    hit_limit_ = true;
    return;
  }
  AddWork({start, tail ? frame : AddFrame(call.to, frame)});
}

uint32_t Walker::AddFrame(uint32_t state, uint32_t parent) {
  const size_t oldest = std::max(own_, frames_.size() - std::min(frames_.size(), kShort));
  for (size_t i = frames_.size(); i-- > oldest;) {
    if (frames_[i].state == state && frames_[i].parent == parent) return static_cast<uint32_t>(i);
  }
  frames_.push_back({state, parent, frames_[parent].depth + 1});
  return static_cast<uint32_t>(frames_.size() - 1);
}

Stack Walker::StackOf(Place place) const {
  while (place.state != kEnd && OnlyEnds(place.state)) {
    place = {frames_[place.frame].state, frames_[place.frame].parent};
  }
  Stack stack;
  if (place.state == kEnd) return stack;
  for (uint32_t frame = place.frame; frame != 0; frame = frames_[frame].parent) {
    stack.push_back(frames_[frame].state);
  }
  std::reverse(stack.begin(), stack.end());
  stack.push_back(place.state);
  return stack;
}

}  // namespace burin::constraint
