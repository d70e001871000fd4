#include "cli/chip_silicon.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "cli/console.h"
#include "cost/area.h"
#include "cost/chip_model.h"
#include "cost/constants.h"
#include "fabric/nearest_chip.h"
#include "fabric/placed_fabric.h"
#include "quant/adapter_memory.h"
#include "timing/schedule.h"

namespace burin {
namespace {

constexpr int64_t kUsualContext = 1024;  // as of burin report

Workload WorkloadOf(const PlacedFabric& fabric, int64_t adapter_rank = 0) {
  Workload work;
  work.adapter_rank = adapter_rank;
  work.context =
      std::clamp<int64_t>(std::min(fabric.max_context, fabric.plan.context), 1, kUsualContext);
  work.prompt = work.context;
  return work;
}

class ChipSilicon final : public SiliconModel {
 public:
  ChipSilicon(std::unique_ptr<const PlacedFabric> fabric, const Constants& constants)
      : fabric_(std::move(fabric)),
        constants_(constants),
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

  Result<uint64_t> BytesOf(const Adapter& adapter) const override {
    const ChipSpec& chip = fabric_->chip;
    if (adapter.rank > chip.max_rank) {
      return BadInput("adapter", fmt::format("rank {}", adapter.rank),
                      fmt::format("at most {}, max_rank of chip {}", chip.max_rank, chip.name));
    }
    return AdapterMemoryBytes(adapter, EngineOf(chip.adapter_lanes, chip.max_rank));
  }

  SiliconTimes Estimate(const SiliconUse& use) const override {
    const double clock = model_.nominal().clock_hz;
    SiliconTimes times;
    // Each token of the prompt attends to those before it, the cached ones too.
    int64_t prefill = PrefillCycles(*fabric_, use.prompt_tokens, use.adapter_rank, link_);
    if (use.cached_tokens > 0) {
      prefill -= PrefillCycles(*fabric_, use.cached_tokens, use.adapter_rank, link_);
    }
    times.first_token_s = static_cast<double>(std::max<int64_t>(prefill, 1)) / clock;
    // At the middle of the text; a user's token waits for the busiest station when there are many.
    const int64_t middle = use.prompt_tokens + std::max<int64_t>(1, use.new_tokens / 2);
    const TokenSchedule schedule = ScheduleToken(*fabric_, {middle, use.adapter_rank, true}, link_);
    const int64_t cycles = std::max(schedule.cycles, use.users * schedule.bottleneck_cycles);
    times.tokens_per_s = clock / static_cast<double>(cycles);
    const int64_t computed =
        use.prompt_tokens - use.cached_tokens + std::max<int64_t>(use.new_tokens - 1, 0);
    times.energy_j = EnergyPerToken(use.adapter_rank) * static_cast<double>(computed);
    // Those that wait are taken for texts as long as this one.
    const double text_s =
        times.first_token_s + static_cast<double>(use.new_tokens) / times.tokens_per_s;
    times.queue_s = static_cast<double>(use.waiting) * text_s /
                    static_cast<double>(std::max<int64_t>(use.users, 1));
    return times;
  }

  std::string Describe() const override { return description_; }

 private:
  // The whole chip's joules a token of one user, computed once a rank.
  double EnergyPerToken(int64_t adapter_rank) const {
    if (adapter_rank == 0) return model_.nominal().energy_per_token_j;
    const std::lock_guard lock(mutex_);
    const auto [at, fresh] = energy_.try_emplace(adapter_rank, 0);
    if (fresh) {
      const ChipModel model(*fabric_, constants_, WorkloadOf(*fabric_, adapter_rank),
                            ChipModel::Bands::kNone);
      at->second = model.nominal().energy_per_token_j;
    }
    return at->second;
  }

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
  const Constants constants_;
  const ChipModel model_;
  LinkTiming link_;
  std::string description_;
  mutable std::mutex mutex_;
  mutable std::map<int64_t, double> energy_;  // by rank of the adapter
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
