// What the numbers of a chip say, in sentences with numbers: which limit binds and what the nearest
// change would buy; the questions that people ask of such chips.
#pragma once

#include <string>
#include <vector>

#include "cost/binding.h"
#include "cost/chip_model.h"
#include "cost/comparison.h"

namespace burin {

// The limit, and what the nearest change would buy.
Binding BindingOf(const ChipModel& model);

struct Finding {
  std::string question, answer;
  bool first = false;  // one of those that everybody asks
};
// The answers that follow from this chip and model.
std::vector<Finding> AnswersOf(const ChipModel& model, const std::vector<System>& systems);

// Area against bits: all matrices at 3, 4 or 6 bits, on the chip with as many banks as that needs.
struct BitsArea {
  int bits = 0;
  int64_t levels = 0;
  double die_mm2 = 0;  // all dies
  double cells_mm2 = 0;
};
std::vector<BitsArea> AreaByBits(const ChipModel& model);

// A LoRA of that rank on the seven matrices of every layer.
struct AdapterPrice {
  int64_t rank = 0;
  double bytes = 0, mm2 = 0;  // of SRAM
  double q_v_bytes = 0;       // of these, of q and v
  double tokens_per_s = 0;    // one user with it
  bool fits = false;          // in the chip's adapter SRAM and rank
};
AdapterPrice PriceOfAdapter(const ChipModel& model, int64_t rank);

// Paying back two masks (or all of them) against a rented device.
struct BreakEven {
  std::string against;
  double rented_usd_per_m = 0;
  double respin_tokens = 0, first_tokens = 0;  // infinite if renting is cheaper
  double respin_months_of_server = 0;          // ten cards
  struct Useful {
    double months = 0;
    double cards_respin = 0, cards_first = 0;  // fewest cards that pay back within them
  };
  std::vector<Useful> useful;  // 3, 6, 12, 24 months
};
std::vector<BreakEven> BreakEvensOf(const ChipModel& model, const std::vector<System>& systems);

// mm2 of SRAM of so many bytes, with its share of wires, power and test.
double SramMm2(const ChipModel& model, double bytes);

// For sentences: "16.4 G", "14,244", "0.012".
std::string ShortNumber(double value);

// Price of the cards of a model with their share of masks and design, made so often.
double CardPriceAt(const Estimate& e, double cards, bool first_design);

}  // namespace burin
