#include "cost/money.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cost/yield.h"

namespace burin {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr double kMillion = 1e6;
constexpr double kJoulesInKwh = 3.6e6;

}  // namespace

DieCost CostOfDie(double fatal_mm2, double array_mm2, double wafer_mm, const Point& p) {
  DieCost cost;
  const double area = fatal_mm2 + array_mm2;
  cost.yield = RepairedYield(fatal_mm2, array_mm2, p[Param::kRepair], p[Param::kDefects],
                             p[Param::kClustering]);
  cost.gross = GrossDies(area, wafer_mm);
  cost.good = GoodDies(area, wafer_mm, cost.yield);
  cost.usd = cost.good > 0 ? p[Param::kWafer] / static_cast<double>(cost.good) : kInfinite;
  return cost;
}

CardCost CostOfCards(double die_usd, int64_t dies, const Point& p) {
  const auto count = static_cast<double>(dies);
  return {die_usd * count, p[Param::kPackage] * count, p[Param::kCardParts] * count};
}

ServerCost CostOfServer(double cards_usd, double cards_w, int64_t cards, const Point& p) {
  const double copies = CopiesInServer(cards);
  return {copies * cards_usd, p[Param::kServerParts], copies * cards_w + p[Param::kHostPower]};
}

TokenCost CostOfTokens(const ServerCost& server, double speed, const Point& p) {
  const double tokens_per_s = speed * p[Param::kUtilization];
  TokenCost cost;
  cost.hardware = server.usd() / (p[Param::kLife] * kSecondsInYear) / tokens_per_s * kMillion;
  cost.electricity = server.power_w * p[Param::kPue] / kJoulesInKwh * p[Param::kElectricity] /
                     tokens_per_s * kMillion;
  return cost;
}

ModelCost CostOfModel(int64_t dies, const Point& p) {
  return {p[Param::kDesign] + p[Param::kMaskSet],
          static_cast<double>(kProgrammedMasks * dies) * p[Param::kMask] + p[Param::kRespinWork],
          p[Param::kFirstWeeks], p[Param::kRespinWeeks]};
}

double BreakEvenTokens(double once_usd, double rented_usd_per_m, double own_usd_per_m) {
  const double saved = rented_usd_per_m - own_usd_per_m;
  return saved > 0 ? once_usd / saved * kMillion : kInfinite;
}

double CardsToMake(double tokens, double card_tokens_per_s, double useful_months, const Point& p) {
  const double a_card =
      card_tokens_per_s * p[Param::kUtilization] * useful_months * kSecondsInMonth;
  return std::max(1.0, std::ceil(tokens / a_card));
}

}  // namespace burin
