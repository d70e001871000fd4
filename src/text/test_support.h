// Shared by the tests of this module: where the published vectors are, and how to read them.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace burin {

inline std::filesystem::path SharedData() { return BURIN_SOURCE_DIR "/../shared/data"; }

#define BURIN_NEED_SHARED() \
  if (!std::filesystem::exists(SharedData())) GTEST_SKIP() << "skipped: no ../shared"

inline std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::span<const std::byte> AsBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// Fails the test with the error's text.
template <typename T>
T Unwrap(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().ToString();
    std::abort();
  }
  return std::move(*result);
}

struct IdCase {
  std::string text;
  std::vector<int32_t> ids;
};

// `stem`.inp: texts between lines "__ggml_vocab_test__"; `stem`.out: a line of ids for each.
inline std::vector<IdCase> ReadIdCases(const std::filesystem::path& stem) {
  const std::string texts = ReadAll(stem.string() + ".inp");
  std::ifstream lines(stem.string() + ".out");
  constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
  std::vector<IdCase> cases;
  size_t begin = 0;
  for (std::string line; std::getline(lines, line);) {
    IdCase& added = cases.emplace_back();
    const size_t end = texts.find(kSeparator, begin);
    added.text = texts.substr(begin, end == std::string::npos ? end : end - begin);
    begin = end == std::string::npos ? texts.size() : end + kSeparator.size();
    std::istringstream numbers(line);
    for (int32_t id; numbers >> id;) added.ids.push_back(id);
  }
  return cases;
}

// The metadata of a GGUF file, as far as a vocabulary needs it; for trusted files only.
class GgufMetadata {
 public:
  explicit GgufMetadata(const std::filesystem::path& path) : bytes_(ReadAll(path)) {
    at_ = 16;  // magic, version, tensor count
    for (auto left = Get<uint64_t>(); left > 0; --left) {
      const std::string key = Text();
      values_[key] = Value(Get<uint32_t>());
    }
  }

  VocabularySpec Spec() const {
    VocabularySpec spec;
    spec.model = values_.at("tokenizer.ggml.model").get<std::string>();
    spec.pre = values_.value("tokenizer.ggml.pre", std::string("default"));
    spec.tokens = values_.at("tokenizer.ggml.tokens").get<std::vector<std::string>>();
    spec.scores = values_.value("tokenizer.ggml.scores", std::vector<float>());
    spec.token_types = values_.value("tokenizer.ggml.token_type", std::vector<int32_t>());
    spec.merges = values_.value("tokenizer.ggml.merges", std::vector<std::string>());
    const auto id = [&](const char* key) -> std::optional<int32_t> {
      if (!values_.contains(key)) return std::nullopt;
      return values_.at(key).get<int32_t>();
    };
    spec.bos_id = id("tokenizer.ggml.bos_token_id");
    spec.eos_id = id("tokenizer.ggml.eos_token_id");
    spec.unk_id = id("tokenizer.ggml.unknown_token_id");
    return spec;
  }

 private:
  template <typename Number>
  Number Get() {
    Number value;
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::string Text() {
    const auto size = Get<uint64_t>();
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
  nlohmann::json Value(uint32_t type) {
    switch (type) {
      case 0:
      case 7:
        return Get<uint8_t>();
      case 1:
        return Get<int8_t>();
      case 2:
        return Get<uint16_t>();
      case 3:
        return Get<int16_t>();
      case 4:
        return Get<uint32_t>();
      case 5:
        return Get<int32_t>();
      case 6:
        return Get<float>();
      case 8:
        return Text();
      case 10:
        return Get<uint64_t>();
      case 11:
        return Get<int64_t>();
      case 12:
        return Get<double>();
      default:
        break;
    }
    const auto element = Get<uint32_t>();
    auto list = nlohmann::json::array();
    for (auto left = Get<uint64_t>(); left > 0; --left) list.push_back(Value(element));
    return list;
  }

  std::string bytes_;
  size_t at_ = 0;
  nlohmann::json values_ = nlohmann::json::object();
};

}  // namespace burin
