// What the reference computed, for the benches of an emitted chip: sim/trace.hex, a line of eight
// hexadecimal digits for each 32-bit word (docs/rtl.md, "Trace").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/output_folder.h"
#include "base/sha256.h"
#include "rtl/engine_plan.h"

namespace burin {

// A token that went through the chip.
struct TracedToken {
  int32_t token = 0;
  bool in_prompt = false;        // given by the host; otherwise what the chip wrote before
  bool sampling = false;         // its logits are wanted
  std::vector<int32_t> values;   // of the steps with results, one behind the other
  std::vector<uint32_t> cycles;  // expected of each step; 0: skipped or not known
  std::vector<int32_t> top_ids, top_logits;  // when sampling
};

class Trace {
 public:
  Trace(const PlacedFabric& fabric, const EnginePlan& plan, const Sha256Digest& digest,
        int64_t new_tokens);

  void Add(const TracedToken& token);
  // Words of the adapter image that belongs to the trace; 0: none.
  void set_adapter_words(int64_t words) { adapter_words_ = words; }
  // sim/trace.hex as a whole. At least one token.
  std::string ToHex() const;
  // Sizes of the trace for the Icarus bench, which must know them when it is compiled:
  // sim/trace_size.svh.
  std::string Sizes() const;

 private:
  const EnginePlan& plan_;
  int64_t top_k_, adapter_words_ = 0;
  std::vector<uint32_t> header_, words_;
  uint32_t tokens_ = 0, prompt_ = 0;
};

// Both files. Errors: kIo.
Status WriteTrace(const Trace& trace, OutputFolder& folder);

// sim/adapter.hex: the image that a bench sends through the host port first, 4 bytes a line,
// little-endian. Errors: kIo.
Status WriteAdapterImage(std::span<const std::byte> image, OutputFolder& folder);

}  // namespace burin
