// Answers that are right or wrong: lines of {"prompt", "expected", "kind"}.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "cli/session.h"

namespace burin {

struct ExactCase {
  std::string prompt, expected, kind;
};

// One JSON object a line; "kind" may be missing; empty lines are skipped. Errors name the line.
Result<std::vector<ExactCase>> ReadExactCases(const std::string& path);

struct Tally {
  int64_t right = 0, cases = 0;
  double Share() const {
    return cases > 0 ? static_cast<double>(right) / static_cast<double>(cases) : 0;
  }
};

struct ExactResult {
  Tally total;
  std::map<std::string, Tally> by_kind;
};

// A case is right when the greedy completion of its prompt (BOS put before it, special tokens read)
// is `expected` and then an end id. A completion is given up as soon as it differs. `progress` (may
// be null) counts cases.
Result<ExactResult> CountExact(const std::vector<ExactCase>& cases, Session& session,
                               Progress* progress);

}  // namespace burin
