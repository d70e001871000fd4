// Energy of a token by event, and power: what switches for each token, and what runs all the time.
// Smaller events (adder trees, scalers: below 1 % of these) are left out.
#pragma once

#include <string>
#include <vector>

#include "cost/area.h"
#include "cost/constants.h"
#include "cost/inventory.h"

namespace burin {

struct EnergyItem {
  std::string name;
  double joule = 0;  // a token
};

// Of every token, whatever the speed.
std::vector<EnergyItem> TokenEnergy(const Events& events, const Point& p);

struct PowerItem {
  std::string name;
  double watt = 0;
};

// Leakage and clock, all dies; they run whether tokens come or not.
std::vector<PowerItem> StandingPower(const std::vector<AreaBlock>& area, const Point& p);

// Both at `tokens_per_s` of all users: watts by event.
std::vector<PowerItem> PowerAt(const Events& events, const std::vector<AreaBlock>& area,
                               double tokens_per_s, const Point& p);

double TotalPower(const std::vector<PowerItem>& items);

}  // namespace burin
