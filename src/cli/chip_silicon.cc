#include "cli/chip_silicon.h"

#include <algorithm>

#include "cli/console.h"
#include "cost/area.h"
#include "cost/chip_model.h"
#include "cost/constants.h"
#include "fabric/nearest_chip.h"
#include "fabric/placed_fabric.h"
#include "timing/schedule.h"

namespace burin {
namespace {

constexpr int64_t kUsualContext = 1024;  // as of burin report

Workload WorkloadOf(const PlacedFabric& fabric) {
  Workload work;
  work.context =
      std::clamp<int64_t>(std::min(fabric.max_context, fabric.plan.context), 1, kUsualContext);
  work.prompt = work.context;
  return work;
}

class ChipSilicon final : public SiliconModel {
 public:
  ChipSilicon(std::unique_ptr<const PlacedFabric> fabric, const Constants& constants)
      : fabric_(std::move(fabric)),
        model_(*fabric_, constants, WorkloadOf(*fabric_), ChipModel::Bands::kNone) {
    const Point point = constants.Nominal();
    link_ = LinkTiming::Of(point[Param::kClock], point[Param::kLinkBandwidth],
                           point[Param::kLinkLatency]);
    description_ = Description();
  }

  std::string name() const override { return fabric_->chip.name; }
  // The KV SRAM counts positions, whoever they belong to; engines set no bound.
  int64_t users() const override { return 0; }
  int64_t kv_positions() const override { return KvPositions(*fabric_); }
  uint64_t adapter_bytes() const override {
    return static_cast<uint64_t>(fabric_->chip.adapter_bytes * fabric_->dies);
  }

  SiliconTimes Estimate(int64_t prompt_tokens, int64_t cached_tokens, int64_t new_tokens,
                        int64_t users, int64_t waiting) const override {
    const double clock = model_.nominal().clock_hz;
    SiliconTimes times;
    // Each token of the prompt attends to those before it, the cached ones too.
    int64_t prefill = PrefillCycles(*fabric_, prompt_tokens, 0, link_);
    if (cached_tokens > 0) prefill -= PrefillCycles(*fabric_, cached_tokens, 0, link_);
    times.first_token_s = static_cast<double>(std::max<int64_t>(prefill, 1)) / clock;
    // At the middle of the text; a user's token waits for the busiest station when there are many.
    const TokenSchedule schedule = ScheduleToken(
        *fabric_, {prompt_tokens + std::max<int64_t>(1, new_tokens / 2), 0, true}, link_);
    const int64_t cycles = std::max(schedule.cycles, users * schedule.bottleneck_cycles);
    times.tokens_per_s = clock / static_cast<double>(cycles);
    times.energy_j =
        model_.nominal().energy_per_token_j *
        static_cast<double>(prompt_tokens - cached_tokens + std::max<int64_t>(new_tokens - 1, 0));
    // Those that wait are taken for texts as long as this one.
    const double text_s =
        times.first_token_s + static_cast<double>(new_tokens) / times.tokens_per_s;
    times.queue_s =
        static_cast<double>(waiting) * text_s / static_cast<double>(std::max<int64_t>(users, 1));
    return times;
  }

  std::string Describe() const override { return description_; }

 private:
  std::string Description() const {
    const auto& e = model_.nominal();
    Json floorplan = Json::array();
    for (const FloorplanItem& item : fabric_->floorplan) {
      if (item.die != 0) continue;
      floorplan.push_back({{"kind", FloorplanKindName(item.kind)},
                           {"index", item.index},
                           {"x", RoundTo(item.x, 4)},
                           {"y", RoundTo(item.y, 4)},
                           {"width", RoundTo(item.width, 4)},
                           {"height", RoundTo(item.height, 4)}});
    }
    const Json json = {{"name", name()},
                       {"dies", fabric_->dies},
                       {"context", model_.workload().context},
                       {"tokens_per_s", RoundTo(e.tokens_per_s_user, 2)},
                       {"tokens_per_s_all_users", RoundTo(e.tokens_per_s_aggregate, 2)},
                       {"first_token_s", e.first_token_s},
                       {"energy_per_token_j", e.energy_per_token_j},
                       {"users", e.users},
                       {"kv_positions", kv_positions()},
                       {"area_mm2", RoundTo(e.area_mm2, 3)},
                       {"power_w", RoundTo(e.card_power_w, 4)},
                       {"die_width_mm", RoundTo(fabric_->die_width, 4)},
                       {"die_height_mm", RoundTo(fabric_->die_height, 4)},
                       {"floorplan", std::move(floorplan)}};
    return json.dump();
  }

  const std::unique_ptr<const PlacedFabric> fabric_;
  const ChipModel model_;
  LinkTiming link_;
  std::string description_;
};

}  // namespace

Result<std::unique_ptr<SiliconModel>> MakeSilicon(const QuantizedModel& model,
                                                  const std::string& model_name,
                                                  const std::string& chip_name) {
  BURIN_ASSIGN(const ChipSpec chip, LoadChip(chip_name));
  BURIN_ASSIGN(const Constants constants, LoadConstants(chip));
  const ModelPlan plan = PlanOf(model, model_name);
  auto placed = Place(plan, chip, SizesFor(chip, plan.config, constants));
  if (!placed) return tl::unexpected<Error>(WithNearestChips(placed.error(), plan));
  return std::make_unique<ChipSilicon>(std::make_unique<const PlacedFabric>(std::move(*placed)),
                                       constants);
}

}  // namespace burin
