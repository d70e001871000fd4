// From die area to the price of a million tokens, and how many tokens pay for the masks. USD.
#pragma once

#include <cstdint>
#include <vector>

#include "cost/constants.h"

namespace burin {

struct DieCost {
  int64_t gross = 0, good = 0;  // of a wafer
  double yield = 0;
  double usd = 0;  // wafer over good dies; infinite if the wafer holds none
};
// fatal and array parts of one die, mm2.
DieCost CostOfDie(double fatal_mm2, double array_mm2, double wafer_mm, const Point& p);

inline constexpr int64_t kCardsInServer = 10;
// How often a server holds a model of that many cards.
inline double CopiesInServer(int64_t cards) {
  return static_cast<double>(kCardsInServer) / static_cast<double>(cards);
}
inline constexpr double kSecondsInYear = 365.25 * 24 * 3600;
inline constexpr double kSecondsInMonth = kSecondsInYear / 12;

// All cards of a model: a die each, since dies are linked from card to card.
struct CardCost {
  double dies = 0, packages = 0, parts = 0;
  double usd() const { return dies + packages + parts; }
};
CardCost CostOfCards(double die_usd, int64_t dies, const Point& p);

struct ServerCost {
  double cards_usd = 0, parts_usd = 0;
  double power_w = 0;
  double usd() const { return cards_usd + parts_usd; }
};
// Ten cards; `cards_usd` and `cards_w` are of the `cards` that hold a model, so the server holds it
// 10 / cards times (a share of it, where the model takes more).
ServerCost CostOfServer(double cards_usd, double cards_w, int64_t cards, const Point& p);

// Price of 10^6 tokens of a server that makes `tokens_per_s` while it answers: hardware over its
// life, and electricity around the clock. Masks and design are apart (CostOfModel).
struct TokenCost {
  double hardware = 0, electricity = 0;
  double usd() const { return hardware + electricity; }
};
TokenCost CostOfTokens(const ServerCost& server, double tokens_per_s, const Point& p);

// What a model costs once.
struct ModelCost {
  double first = 0;   // design and all masks of the chip family
  double respin = 0;  // two masks for each of its dies, and the engineering of a model on them
  double first_weeks = 0, respin_weeks = 0;
};
inline constexpr int64_t kProgrammedMasks = 2;
ModelCost CostOfModel(int64_t dies, const Point& p);

// Against renting: tokens until what is saved has paid `once_usd`; infinite if nothing is saved.
double BreakEvenTokens(double once_usd, double rented_usd_per_m, double own_usd_per_m);

// The smallest number of cards that make `tokens` while the model stays useful; at least 1. With
// utilization as of `p`.
double CardsToMake(double tokens, double card_tokens_per_s, double useful_months, const Point& p);

}  // namespace burin
