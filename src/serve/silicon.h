// What the chip would do, where the emulator answers. Whoever starts the server supplies it; the
// numbers are modelled, not measured.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace burin {

struct Adapter;

// One answer and the load beside it.
struct SiliconUse {
  int64_t prompt_tokens = 1, cached_tokens = 0;  // cached: of the prompt, those in KV memory
  int64_t new_tokens = 0;
  int64_t adapter_rank = 0;        // 0: without
  int64_t users = 1, waiting = 0;  // sequences in flight, this one included, and in the queue
};

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
  virtual uint64_t adapter_bytes() const = 0;  // adapter memory for all
  // What an adapter takes of it, in words of the chip's engine. Errors: a rank above the chip's.
  virtual Result<uint64_t> BytesOf(const Adapter& adapter) const = 0;
  virtual SiliconTimes Estimate(const SiliconUse& use) const = 0;  // thread-safe
  // JSON object for the page: name, title, tokens_per_s, first_token_s, energy_per_token_j, users,
  // area_mm2, power_w, floorplan [{kind, label, x, y, width, height}] in mm; what is not known is
  // left out.
  virtual std::string Describe() const = 0;
};

}  // namespace burin
