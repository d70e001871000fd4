#include "timing/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "timing/stations.h"
#include "timing/units.h"

namespace burin {
namespace {

// The stations of a token of a prompt, with their cycles for any number of positions.
class PromptStations {
 public:
  PromptStations(const PlacedFabric& fabric, int64_t adapter_rank, bool logits,
                 const LinkTiming& link)
      : fabric_(fabric), schedule_(ScheduleToken(fabric, {1, adapter_rank, logits}, link)) {
    if (schedule_.stations.back().is_way_back) schedule_.stations.pop_back();
    schedule_.stations.back().busy_cycles -= schedule_.way_back_cycles;
    const auto attend = std::ranges::find(fabric.program, Op::kAttend, &Step::op);
    BURIN_CHECK(attend != fabric.program.end());
    attend_ = &*attend;
    attend_alone_ = AttendCycles(1);
  }

  // Sends a token through; `free` is when each station has sent its last token away. Returns when
  // it has ended.
  int64_t Pass(int64_t positions, int64_t now, std::vector<int64_t>& free) const {
    const int64_t longer = AttendCycles(positions) - attend_alone_;
    free.resize(std::max(free.size(), schedule_.stations.size()), 0);
    for (size_t s = 0; s < schedule_.stations.size(); ++s) {
      const Station& station = schedule_.stations[s];
      now = std::max(now, free[s]) + station.busy_cycles + station.attends * longer;
      free[s] = now;
      now += station.delay_cycles;
    }
    return now;
  }

 private:
  int64_t AttendCycles(int64_t positions) const {
    return StepCycles(fabric_, *attend_, {positions, 0, true});
  }

  const PlacedFabric& fabric_;
  TokenSchedule schedule_;
  const Step* attend_ = nullptr;
  int64_t attend_alone_ = 0;
};

}  // namespace

LinkTiming LinkTiming::Of(double clock_hz, double bytes_per_s, double latency_s) {
  return {static_cast<int64_t>(std::ceil(latency_s * clock_hz)), clock_hz / bytes_per_s};
}

int64_t LinkTiming::TransferCycles(int64_t bytes) const {
  return std::max<int64_t>(
      1, static_cast<int64_t>(std::ceil(static_cast<double>(bytes) * cycles_per_byte)));
}

TokenSchedule ScheduleToken(const PlacedFabric& fabric, const TokenRequest& request,
                            const LinkTiming& link) {
  BURIN_CHECK(request.positions >= 1 && request.adapter_rank >= 0);
  TokenSchedule schedule;
  schedule.request = request;
  StationMap map(fabric, link);
  int64_t now = 0;
  for (size_t i = 0; i < fabric.program.size(); ++i) {
    const Step& step = fabric.program[i];
    if (!Runs(step, request)) continue;
    now += map.Enter(i);
    const int64_t cycles = StepCycles(fabric, step, request);
    schedule.steps.push_back(
        {static_cast<int32_t>(i), static_cast<int32_t>(map.current()), now, cycles});
    map.Add(step, cycles);
    now += cycles;
  }
  now += map.Return();
  schedule.cycles = now;
  schedule.link_cycles = map.link_cycles();
  schedule.way_back_cycles = map.way_back_cycles();
  schedule.stations = map.Take();
  for (const Station& s : schedule.stations) {
    schedule.bottleneck_cycles = std::max(schedule.bottleneck_cycles, s.busy_cycles);
  }
  return schedule;
}

int64_t FinishCycle(const TokenSchedule& schedule, int64_t users, int64_t job) {
  BURIN_CHECK(users >= 1 && job >= 0);
  const int64_t slot = schedule.bottleneck_cycles;
  return schedule.cycles + job / users * std::max(schedule.cycles, users * slot) +
         job % users * slot;
}

double TokensPerCycle(const TokenSchedule& schedule, int64_t users) {
  return std::min(static_cast<double>(users) / static_cast<double>(schedule.cycles),
                  1.0 / static_cast<double>(schedule.bottleneck_cycles));
}

int64_t UsersToSaturate(const TokenSchedule& schedule) {
  return units::CeilDiv(schedule.cycles, schedule.bottleneck_cycles);
}

int64_t PrefillCycles(const PlacedFabric& fabric, int64_t prompt, int64_t adapter_rank,
                      const LinkTiming& link, bool overlap) {
  BURIN_CHECK(prompt >= 1);
  const PromptStations inner(fabric, adapter_rank, false, link);
  const PromptStations last(fabric, adapter_rank, true, link);
  std::vector<int64_t> free;
  int64_t end = 0;
  for (int64_t token = 1; token <= prompt; ++token) {
    end = (token == prompt ? last : inner).Pass(token, overlap ? 0 : end, free);
  }
  return end;
}

CycleCauses CausesOf(const PlacedFabric& fabric, const TokenSchedule& schedule) {
  CycleCauses causes;
  TokenRequest plain = schedule.request;
  plain.adapter_rank = 0;
  for (const StepTime& time : schedule.steps) {
    const Step& step = fabric.program[static_cast<size_t>(time.step)];
    const int64_t wire = WireStages(fabric, step);
    const int64_t work = OwnCycles(fabric, step, schedule.request) - units::kIssue - wire;
    causes.fill += time.cycles - work - wire;
    causes.wire += wire;
    switch (step.op) {
      case Op::kEmbed:
      case Op::kPass: {
        const auto& matrix = fabric.matrices[static_cast<size_t>(step.matrices[0])];
        const int64_t rows =
            units::PassRows(matrix.shape.rows, fabric.chip.rows, fabric.plan.group);
        causes.word_lines += rows;
        causes.fill += work - rows;
        break;
      }
      case Op::kCollect:
      case Op::kCollectAdd: {
        const int64_t waits = time.cycles - StepCycles(fabric, step, plain);
        causes.adapter += waits;
        causes.collect += work - waits;
        break;
      }
      case Op::kCollectLogits:
        causes.collect += work;
        break;
      case Op::kAttend:
        causes.attention += work;
        break;
      case Op::kAdaptDown:
        causes.adapter += work;
        break;
      default:
        causes.vector += work;
    }
  }
  causes.link = schedule.link_cycles;
  return causes;
}

}  // namespace burin
