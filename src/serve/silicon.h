// What the chip would do, where the emulator answers. Whoever starts the server supplies it; the
// numbers are modelled, not measured.
#pragma once

#include <cstdint>
#include <string>

namespace burin {

struct SiliconTimes {
  double queue_s = 0;        // at the present load
  double first_token_s = 0;  // without the queue
  double tokens_per_s = 0;   // of this sequence, after the first token
  double energy_j = 0;       // of the whole answer
};

class SiliconModel {
 public:
  virtual ~SiliconModel() = default;
  virtual std::string name() const = 0;  // "hc1"
  // Sequences in flight, and positions of KV memory for all of them; 0: the model does not say.
  virtual int64_t users() const = 0;
  virtual int64_t kv_positions() const = 0;
  virtual uint64_t adapter_bytes() const = 0;
  // An answer of `new_tokens` behind `prompt_tokens`, of which `cached_tokens` were in KV memory,
  // while `users` sequences are in flight and `waiting` wait. Thread-safe.
  virtual SiliconTimes Estimate(int64_t prompt_tokens, int64_t cached_tokens, int64_t new_tokens,
                                int64_t users, int64_t waiting) const = 0;
  // JSON object for the page: name, title, tokens_per_s, first_token_s, energy_per_token_j, users,
  // area_mm2, power_w, floorplan [{kind, label, x, y, width, height}] in mm; what is not known is
  // left out.
  virtual std::string Describe() const = 0;
};

}  // namespace burin
