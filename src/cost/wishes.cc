#include "cost/wishes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "base/near_names.h"

namespace burin {
namespace {

struct QuantityInfo {
  Quantity quantity;
  const char* key;
  const char* unit;
  bool at_least;
};
constexpr QuantityInfo kQuantities[] = {
    {Quantity::kTokensPerS, "tokens_per_s", "tokens/s", true},
    {Quantity::kAggregate, "aggregate_tokens_per_s", "tokens/s", true},
    {Quantity::kFirstToken, "first_token_s", "s", false},
    {Quantity::kContext, "context", "positions", true},
    {Quantity::kArea, "area_mm2", "mm2", false},
    {Quantity::kPower, "power_w", "W", false},
    {Quantity::kUsdPerM, "usd_per_m_tokens", "USD", false},
    {Quantity::kCardCost, "card_cost_usd", "USD", false},
};

const QuantityInfo& InfoOf(Quantity quantity) {
  return *std::ranges::find(kQuantities, quantity, &QuantityInfo::quantity);
}

}  // namespace

const char* QuantityKey(Quantity quantity) { return InfoOf(quantity).key; }
const char* QuantityUnit(Quantity quantity) { return InfoOf(quantity).unit; }
bool IsAtLeast(Quantity quantity) { return InfoOf(quantity).at_least; }

Result<std::vector<Wish>> ParseWishes(const std::string& text) {
  std::vector<std::string> keys;
  for (const QuantityInfo& info : kQuantities) keys.emplace_back(info.key);
  std::vector<Wish> wishes;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string part = text.substr(at, end - at);
    at = end + 1;
    const size_t equals = part.find('=');
    const std::string key = part.substr(0, equals);
    const auto info = std::ranges::find(kQuantities, key, &QuantityInfo::key);
    if (equals == std::string::npos || info == std::end(kQuantities)) {
      return BadInput(
          "--require", fmt::format("'{}'", part),
          fmt::format("KEY=NUMBER,..., KEY such as {}", fmt::join(NearNames(key, keys, 4), ", ")));
    }
    const char *first = part.data() + equals + 1, *last = part.data() + part.size();
    double value = 0;
    const auto [stop, error] = std::from_chars(first, last, value);
    if (error != std::errc() || stop != last || !(value > 0) || value > 1e15) {
      return BadInput(fmt::format("--require {}", key),
                      fmt::format("'{}'", part.substr(equals + 1)),
                      fmt::format("a number of {} above 0", info->unit));
    }
    if (WishedValue(wishes, info->quantity) > 0) {
      return BadInput("--require", fmt::format("{} twice", key), "each key once");
    }
    wishes.push_back({info->quantity, value});
  }
  return wishes;
}

double WishedValue(const std::vector<Wish>& wishes, Quantity quantity) {
  const auto found = std::ranges::find(wishes, quantity, &Wish::quantity);
  return found == wishes.end() ? 0 : found->value;
}

}  // namespace burin
