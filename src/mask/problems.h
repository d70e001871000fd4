// What is wrong with masks, collected while many threads read them. Internal to the reader.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "mask/layer_reader.h"

namespace burin::mask {

// Texts from many threads, to be shown in order of where they are; of each place and in all at most
// `most` are kept.
class Problems {
 public:
  explicit Problems(size_t most) : most_(most) {}
  ReportProblem At(int64_t order) {
    return [this, order](std::string text) {
      const std::lock_guard lock(mutex_);
      ++count_;
      auto& list = by_order_[order];
      if (list.size() < most_) list.push_back(std::move(text));
    };
  }
  int64_t count() const { return count_; }
  std::vector<std::string> First() const {
    std::vector<std::string> first;
    for (const auto& [order, list] : by_order_) {
      for (const std::string& text : list) {
        if (first.size() < most_) first.push_back(text);
      }
    }
    return first;
  }

 private:
  const size_t most_;
  std::mutex mutex_;
  std::map<int64_t, std::vector<std::string>> by_order_;
  int64_t count_ = 0;
};

}  // namespace burin::mask
