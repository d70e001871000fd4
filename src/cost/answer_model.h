// What a chip would do with a request: times and energy of one answer, for a server that shows them
// beside the emulator's.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "cost/chip_model.h"

namespace burin {

struct AnswerTimes {
  double first_token_s = 0;  // the prompt without its cached part, to the first token
  double tokens_per_s = 0;   // after it, with that many users in flight
  double energy_j = 0;       // of the whole answer, standing power's share included; explained part
};

// Owns its placement, without the model's weights. Const calls are safe from many threads.
class AnswerModel {
 public:
  // Errors: those of LoadConstants and Place.
  static Result<AnswerModel> Make(ModelPlan plan, const ChipSpec& chip);

  const PlacedFabric& fabric() const { return *fabric_; }
  const ChipModel& model() const { return *model_; }
  // Users that overlap on the chip, and positions of KV SRAM for all of them.
  int64_t users() const { return UsersToSaturate(model_->schedule()); }
  int64_t kv_positions() const { return KvPositions(*fabric_); }

  // `cached` of the prompt's tokens are in KV SRAM; users >= 1 answers are in flight at once. A
  // prompt longer than the chip's context is taken as if it fitted.
  AnswerTimes TimesOf(int64_t prompt, int64_t cached, int64_t new_tokens, int64_t users,
                      int64_t adapter_rank = 0) const;

 private:
  std::unique_ptr<const PlacedFabric> fabric_;
  std::unique_ptr<const ChipModel> model_;
};

}  // namespace burin
