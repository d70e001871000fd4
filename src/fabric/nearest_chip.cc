#include "fabric/nearest_chip.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace burin {

std::vector<ChipFit> ChipsThatHold(const ModelPlan& plan) {
  struct Sized {
    ChipFit fit;
    int64_t cells;
  };
  std::vector<Sized> found;
  for (const std::string& name : ChipNames()) {
    const auto chip = LoadChip(name);
    if (!chip) continue;
    const auto fabric = Place(plan, *chip);
    if (!fabric) continue;
    const int64_t banks = chip->banks > 0 ? chip->banks * fabric->dies : fabric->banks;
    found.push_back({{name, fabric->dies, fabric->banks, fabric->max_context},
                     banks * chip->rows * chip->fold * chip->columns});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Sized& a, const Sized& b) { return a.cells < b.cells; });
  std::vector<ChipFit> fits;
  fits.reserve(found.size());
  for (Sized& sized : found) fits.push_back(std::move(sized.fit));
  return fits;
}

Error WithNearestChips(Error error, const ModelPlan& plan) {
  std::vector<std::string> names;
  for (const ChipFit& fit : ChipsThatHold(plan)) {
    names.push_back(fmt::format("{} ({} {})", fit.chip, fit.dies, fit.dies == 1 ? "die" : "dies"));
  }
  if (!error.advice.empty()) error.advice += ' ';
  error.advice += names.empty() ? std::string("No known chip holds it as it is.")
                                : fmt::format("Chips that hold it: {}.", fmt::join(names, ", "));
  return error;
}

}  // namespace burin
