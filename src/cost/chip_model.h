// A placed chip's numbers: speed, area, power, yield and money, at any point of the constants;
// their bands; and which constants move them.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cost/area.h"
#include "cost/constants.h"
#include "cost/energy.h"
#include "cost/inventory.h"
#include "cost/money.h"
#include "timing/schedule.h"

namespace burin {

// What is asked of the chip.
struct Workload {
  int64_t context = 1024;    // positions that a token attends to
  int64_t prompt = 1024;     // tokens before the first answer
  int64_t adapter_rank = 0;  // 0: none
};

// What limits the tokens of all users together.
enum class UserLimit { kEngines, kKv, kPower };
const char* UserLimitName(UserLimit limit);  // "engines", "kv", "power"

// Everything at one point. Watts and `card` are of all dies; each die is on a card of its own.
struct Estimate {
  double clock_hz = 0;
  double token_s = 0;  // one user alone
  double tokens_per_s_user = 0;
  int64_t users = 1;                  // in flight for the next
  double tokens_per_s_aggregate = 0;  // as many users as engines, KV SRAM and cooling allow
  UserLimit user_limit = UserLimit::kEngines;
  double first_token_s = 0;         // the prompt's tokens overlap as far as stations do
  double first_token_serial_s = 0;  // one token after the other

  std::vector<AreaBlock> area;
  double area_mm2 = 0, die_mm2 = 0;  // all dies, one die
  // Of the floorplan, in proportion to die_mm2 (trees, drivers and registers of the model's wires
  // are in the area, not in the plan); 0 without a floorplan.
  double die_width_mm = 0, die_height_mm = 0;
  double transistors = 0;  // all dies

  std::vector<PowerItem> power;   // one user at full speed, explained
  double power_w = 0;             // their sum
  double card_power_w = 0;        // times the unexplained system factor
  double full_power_w = 0;        // at tokens_per_s_aggregate, with the factor
  double watt_per_mm2 = 0;        // card_power_w over area
  double energy_per_token_j = 0;  // power_w / tokens_per_s_user
  double card_energy_per_token_j = 0;

  DieCost die;
  CardCost card;
  ServerCost server;
  TokenCost tokens;  // a million, at the aggregate speed
  ModelCost model;
};

// Low and high of a number above zero: each constant alone at its ends; by what factors the number
// goes down and up, their logarithms added as squares (the constants are independent of each
// other).
struct Band {
  double low = 0, nominal = 0, high = 0;
};
// A number and what it is with each constant alone at its two ends.
struct Swing {
  double at_low = 0, at_high = 0;
};
Band BandOfSwings(double nominal, std::span<const Swing> swings);

using Metric = std::function<double(const Estimate&)>;

// How a number moves when one constant goes to its ends.
struct Sensitivity {
  Param param = Param::kCount;
  double at_low = 0, at_high = 0;  // the number with the constant at its low and high end
  double swing = 0;  // |at_high - at_low|, or the larger deviation if both lie on a side
};

class ChipModel {
 public:
  // kNone: only nominal() is good; kNoPrompt: of it not the first token, either.
  enum class Bands { kAll, kNone, kNoPrompt };
  // `fabric` must outlive the model. workload.context and prompt >= 1.
  ChipModel(const PlacedFabric& fabric, Constants constants, const Workload& workload,
            Bands bands = Bands::kAll);

  const PlacedFabric& fabric() const { return fabric_; }
  const Constants& constants() const { return constants_; }
  const Workload& workload() const { return workload_; }
  const Inventory& inventory() const { return inventory_; }
  const Estimate& nominal() const { return nominal_; }
  // At the nominal clock and link.
  const TokenSchedule& schedule() const { return schedule_; }
  int64_t prefill_cycles() const { return prefill_cycles_; }
  // Users of `context` positions each that the KV SRAM holds.
  int64_t UsersInKv(int64_t context) const;

  Estimate At(const Point& point) const;
  Band BandOf(const Metric& metric) const;
  // All constants that move it, largest swing first.
  std::vector<Sensitivity> SensitivitiesOf(const Metric& metric) const;

 private:
  struct Ends {
    Param param;
    Estimate low, high;
  };
  void FillSpeed(const Point& point, Estimate& e) const;
  void FillUsers(const Point& point, const Events& events, Estimate& e) const;
  void FillMoney(const Point& point, Estimate& e) const;

  const PlacedFabric& fabric_;
  Constants constants_;
  Workload workload_;
  Inventory inventory_;
  Events events_;  // for banks of 1 mm
  TokenSchedule schedule_;
  int64_t prefill_cycles_ = 0, prefill_serial_cycles_ = 0;
  int64_t kv_positions_ = 0;
  Estimate nominal_;
  std::vector<Ends> ends_;
};

// Layers on the die that has most of them.
int64_t MostLayersOnADie(const PlacedFabric& fabric);

// Positions of one user that the chip's KV SRAM holds, whatever the model's own context: the die
// with most layers decides.
int64_t KvPositions(const PlacedFabric& fabric);

}  // namespace burin
