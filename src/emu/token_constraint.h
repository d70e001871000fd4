// Which ids may come next in a text that must have a form. What the form is, is not the emulator's
// business.
#pragma once

#include <cstdint>
#include <span>

namespace burin {

// One object a sequence, used by one thread at a time.
class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;
  // Sets a bit for each id that may come next (id 0 is bit 0 of word 0), end ids where the text may
  // end, and clears the others.
  virtual void Allowed(std::span<uint64_t> mask) = 0;
  // `id` was one of those allowed. False: the text is complete and nothing can follow.
  virtual bool Advance(int32_t id) = 0;
};

}  // namespace burin
