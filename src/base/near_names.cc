#include "base/near_names.h"

#include <algorithm>
#include <numeric>

namespace burin {

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::vector<std::string> NearNames(std::string_view given, std::vector<std::string> known,
                                   size_t count) {
  constexpr size_t kLongest = 64;  // of a hostile name; the work is a product of lengths
  given = given.substr(0, kLongest);
  std::stable_sort(known.begin(), known.end(), [&](const std::string& a, const std::string& b) {
    return EditDistance(given, a) < EditDistance(given, b);
  });
  if (known.size() > count) known.resize(count);
  return known;
}

}  // namespace burin
