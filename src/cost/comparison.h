// Systems that a chip is compared with: data/comparison.toml, each figure with grade and source.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace burin {

struct Figure {
  double value = 0;
  std::string grade, source;
};

struct System {
  std::string name, model;                  // "H200", "Llama-3.1-8B"
  std::optional<Figure> tokens_per_s_user;  // one user alone
  std::optional<Figure> tokens_per_s_best;  // all users together, best throughput of one device
  std::optional<Figure> joule_per_token;
  std::optional<Figure> usd_per_m_tokens;   // list price or claim
  std::optional<Figure> rent_usd_per_hour;  // list price of one device
};

// Price of 10^6 tokens when the device is rented and busy: rent over best throughput; none without
// both.
std::optional<double> RentedUsdPerMillion(const System& system);

// Errors: a file of another form: line and key.
Result<std::vector<System>> LoadComparison();

}  // namespace burin
