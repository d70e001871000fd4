#include "cost/chip_model.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace burin {
namespace {

LinkTiming LinkAt(const Point& p) {
  return LinkTiming::Of(p[Param::kClock], p[Param::kLinkBandwidth], p[Param::kLinkLatency]);
}

}  // namespace

const char* UserLimitName(UserLimit limit) {
  switch (limit) {
    case UserLimit::kEngines:
      return "engines";
    case UserLimit::kKv:
      return "kv";
    case UserLimit::kPower:
      return "power";
  }
  BURIN_CHECK(!"unknown limit");
  return "";
}

int64_t MostLayersOnADie(const PlacedFabric& fabric) {
  std::vector<int64_t> layers(static_cast<size_t>(fabric.dies), 0);
  for (size_t m = 0; m < fabric.matrices.size(); ++m) {
    if (fabric.plan.matrices[m].kind == TensorKind::kQ) {
      ++layers[static_cast<size_t>(fabric.matrices[m].die)];
    }
  }
  return std::max<int64_t>(1, *std::ranges::max_element(layers));
}

int64_t KvPositions(const PlacedFabric& fabric) {
  return fabric.chip.kv_bytes / KvBytesPerPosition(fabric.plan.config, MostLayersOnADie(fabric));
}

ChipModel::ChipModel(const PlacedFabric& fabric, Constants constants, const Workload& workload,
                     Bands bands)
    : fabric_(fabric),
      constants_(std::move(constants)),
      workload_(workload),
      inventory_(CountParts(fabric)),
      events_(CountEvents(fabric, workload.context, workload.adapter_rank, 1.0)),
      kv_positions_(KvPositions(fabric)) {
  BURIN_CHECK(workload.context >= 1 && workload.prompt >= 1);
  const Point nominal = constants_.Nominal();
  const LinkTiming link = LinkAt(nominal);
  schedule_ = ScheduleToken(fabric, {workload.context, workload.adapter_rank, true}, link);
  if (bands != Bands::kNoPrompt) {
    prefill_cycles_ = PrefillCycles(fabric, workload.prompt, workload.adapter_rank, link);
    prefill_serial_cycles_ =
        PrefillCycles(fabric, workload.prompt, workload.adapter_rank, link, false);
  }
  nominal_ = At(nominal);
  if (bands != Bands::kAll) return;
  for (const ParamInfo& info : ParamInfos()) {
    const Bracket& bracket = constants_[info.param];
    if (bracket.low == bracket.high) continue;
    Point low = nominal, high = nominal;
    low.Set(info.param, bracket.low);
    high.Set(info.param, bracket.high);
    ends_.push_back({info.param, At(low), At(high)});
  }
}

int64_t ChipModel::UsersInKv(int64_t context) const { return kv_positions_ / context; }

void ChipModel::FillSpeed(const Point& point, Estimate& e) const {
  e.clock_hz = point[Param::kClock];
  int64_t token = schedule_.cycles, prefill = prefill_cycles_, serial = prefill_serial_cycles_;
  if (fabric_.dies > 1) {  // links take other numbers of cycles at another clock
    const LinkTiming link = LinkAt(point);
    const TokenSchedule there =
        ScheduleToken(fabric_, {workload_.context, workload_.adapter_rank, true}, link);
    token = there.cycles;
    prefill += there.link_cycles - schedule_.link_cycles;
    serial += (there.link_cycles - schedule_.link_cycles) * workload_.prompt;
  }
  const double host = 2 * point[Param::kLinkLatency];
  e.token_s = static_cast<double>(token) / e.clock_hz;
  e.tokens_per_s_user = 1 / e.token_s;
  e.first_token_s = static_cast<double>(prefill) / e.clock_hz + host;
  e.first_token_serial_s = static_cast<double>(serial) / e.clock_hz + host;
}

void ChipModel::FillUsers(const Point& point, const Events& events, Estimate& e) const {
  const double standing = TotalPower(StandingPower(e.area, point));
  double joule = 0;
  for (const EnergyItem& item : TokenEnergy(events, point)) joule += item.joule;
  const double factor = point[Param::kSystemFactor];
  e.power = PowerAt(events, e.area, e.tokens_per_s_user, point);
  e.power_w = TotalPower(e.power);
  e.card_power_w = e.power_w * factor;
  e.watt_per_mm2 = e.card_power_w / e.area_mm2;
  e.energy_per_token_j = e.power_w / e.tokens_per_s_user;
  e.card_energy_per_token_j = e.card_power_w / e.tokens_per_s_user;

  const int64_t kv_users = std::max<int64_t>(1, UsersInKv(workload_.context));
  const int64_t engine_users = UsersToSaturate(schedule_);
  e.users = std::min(kv_users, engine_users);
  e.user_limit = kv_users < engine_users ? UserLimit::kKv : UserLimit::kEngines;
  const double scale = static_cast<double>(schedule_.cycles) * e.tokens_per_s_user;
  e.tokens_per_s_aggregate = TokensPerCycle(schedule_, e.users) * scale;
  const double cooled = (point[Param::kPowerLimit] * e.area_mm2 / factor - standing) / joule;
  if (cooled < e.tokens_per_s_aggregate && e.users > 1) {
    e.user_limit = UserLimit::kPower;
    e.tokens_per_s_aggregate = std::max(e.tokens_per_s_user, cooled);
  }
  e.full_power_w = (standing + joule * e.tokens_per_s_aggregate) * factor;
}

void ChipModel::FillMoney(const Point& point, Estimate& e) const {
  const double fatal = TotalArea(e.area, AreaKind::kLogic) / static_cast<double>(fabric_.dies);
  e.die = CostOfDie(fatal, e.die_mm2 - fatal, constants_.tech.wafer_mm, point);
  e.card = CostOfCards(e.die.usd, fabric_.dies, point);
  e.server = CostOfServer(e.card.usd(), e.full_power_w, fabric_.dies, point);
  e.tokens = CostOfTokens(e.server, CopiesInServer(fabric_.dies) * e.tokens_per_s_aggregate, point);
  e.model = CostOfModel(fabric_.dies, point);
}

Estimate ChipModel::At(const Point& point) const {
  Estimate e;
  FillSpeed(point, e);
  e.area = AreaBlocks(inventory_, fabric_.chip, point);
  e.area_mm2 = TotalArea(e.area);
  e.die_mm2 = e.area_mm2 / static_cast<double>(fabric_.dies);
  if (fabric_.die_width > 0) {
    const double scale = std::sqrt(e.die_mm2 / (fabric_.die_width * fabric_.die_height));
    e.die_width_mm = fabric_.die_width * scale;
    e.die_height_mm = fabric_.die_height * scale;
  }
  e.transistors = TotalTransistors(e.area);
  Events events = events_;
  events.product_bits_mm *= BankArray(fabric_.chip, point).width_mm;
  FillUsers(point, events, e);
  FillMoney(point, e);
  return e;
}

Band BandOfSwings(double nominal, std::span<const Swing> swings) {
  BURIN_CHECK(nominal > 0);
  double below = 0, above = 0;
  for (const Swing& swing : swings) {
    const double a = std::log(swing.at_low / nominal), b = std::log(swing.at_high / nominal);
    const double down = std::min({a, b, 0.0}), up = std::max({a, b, 0.0});
    below += down * down;
    above += up * up;
  }
  return {nominal * std::exp(-std::sqrt(below)), nominal, nominal * std::exp(std::sqrt(above))};
}

Band ChipModel::BandOf(const Metric& metric) const {
  std::vector<Swing> swings;
  for (const Ends& ends : ends_) swings.push_back({metric(ends.low), metric(ends.high)});
  return BandOfSwings(metric(nominal_), swings);
}

std::vector<Sensitivity> ChipModel::SensitivitiesOf(const Metric& metric) const {
  const double nominal = metric(nominal_);
  std::vector<Sensitivity> list;
  for (const Ends& ends : ends_) {
    Sensitivity s{ends.param, metric(ends.low), metric(ends.high), 0};
    s.swing = std::max({s.at_low, s.at_high, nominal}) - std::min({s.at_low, s.at_high, nominal});
    if (s.swing > 1e-9 * std::abs(nominal)) list.push_back(s);
  }
  std::ranges::stable_sort(list, [](const auto& a, const auto& b) { return a.swing > b.swing; });
  return list;
}

}  // namespace burin
