#include "cost/answer_model.h"

#include <algorithm>

#include "cost/energy.h"

namespace burin {

Result<AnswerModel> AnswerModel::Make(ModelPlan plan, const ChipSpec& chip) {
  plan.weights = nullptr;
  BURIN_ASSIGN(Constants constants, LoadConstants(chip));
  BURIN_ASSIGN(PlacedFabric fabric,
               Place(plan, chip, SizesFor(chip, plan.config, constants.Nominal())));
  AnswerModel answer;
  answer.fabric_ = std::make_unique<const PlacedFabric>(std::move(fabric));
  const int64_t context =
      std::max<int64_t>(1, std::min<int64_t>(1024, answer.fabric_->max_context));
  answer.model_ =
      std::make_unique<const ChipModel>(*answer.fabric_, std::move(constants),
                                        Workload{context, context, 0}, ChipModel::Bands::kNone);
  return answer;
}

AnswerTimes AnswerModel::TimesOf(int64_t prompt, int64_t cached, int64_t new_tokens, int64_t users,
                                 int64_t adapter_rank) const {
  prompt = std::max<int64_t>(prompt, 1);
  const int64_t done = std::clamp<int64_t>(cached, 0, prompt - 1);
  const Point p = model_->constants().Nominal();
  const double clock = p[Param::kClock];
  const LinkTiming link = LinkTiming::Of(clock, p[Param::kLinkBandwidth], p[Param::kLinkLatency]);
  int64_t prefill = PrefillCycles(*fabric_, prompt, adapter_rank, link);
  if (done > 0) prefill -= PrefillCycles(*fabric_, done, adapter_rank, link);
  AnswerTimes times;
  times.first_token_s = static_cast<double>(std::max<int64_t>(prefill, 1)) / clock;
  const int64_t middle =
      prompt + std::max<int64_t>(new_tokens, 1) / 2;  // mean position of the answer
  const TokenSchedule schedule = ScheduleToken(*fabric_, {middle, adapter_rank, true}, link);
  const double all = TokensPerCycle(schedule, std::max<int64_t>(users, 1)) * clock;
  times.tokens_per_s = all / static_cast<double>(std::max<int64_t>(users, 1));

  Events events = CountEvents(*fabric_, middle, adapter_rank, BankArray(fabric_->chip, p).width_mm);
  double joule = 0;
  for (const EnergyItem& item : TokenEnergy(events, p)) joule += item.joule;
  const double standing = TotalPower(StandingPower(model_->nominal().area, p));
  const auto tokens = static_cast<double>(prompt - done + new_tokens);
  const double seconds =
      times.first_token_s + static_cast<double>(new_tokens) / std::max(times.tokens_per_s, 1e-9);
  times.energy_j =
      joule * tokens + standing * seconds / static_cast<double>(std::max<int64_t>(users, 1));
  return times;
}

}  // namespace burin
