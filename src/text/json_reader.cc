#include "text/json_reader.h"

#include <algorithm>

#include "text/definition.h"

namespace burin {
namespace {

constexpr int kMaxDepth = 32;
constexpr size_t kMaxValues = 4'000'000;

// Counts nesting and separators outside of strings. Wrong JSON passes; the parser refuses it.
Status CheckShape(std::string_view text, const std::string& object) {
  int depth = 0;
  size_t values = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '"':
        for (++i; i < text.size() && text[i] != '"'; ++i) {
          if (text[i] == '\\') ++i;
        }
        break;
      case '[':
      case '{':
        if (++depth > kMaxDepth) {
          return BadInput(object, fmt::format("more than {} levels of nesting", kMaxDepth),
                          "a tokenizer's JSON");
        }
        ++values;
        break;
      case ']':
      case '}':
        --depth;
        break;
      case ',':
      case ':':
        ++values;
        break;
      default:
        break;
    }
    if (values > kMaxValues) {
      return BadInput(object, fmt::format("more than {} values", kMaxValues), "a tokenizer's JSON");
    }
  }
  return {};
}

}  // namespace

Result<nlohmann::json> ParseBoundedJson(std::string_view text, const std::string& object) {
  if (text.size() > kMaxJsonBytes) {
    return BadInput(object, fmt::format("{} bytes", text.size()),
                    fmt::format("at most {}", kMaxJsonBytes));
  }
  const size_t first = text.find_first_not_of(" \t\r\n");
  const size_t begin = text.starts_with("\xEF\xBB\xBF") ? 3 : first;
  if (begin == std::string_view::npos || text[std::min(begin, text.size() - 1)] != '{') {
    return BadInput(object, "no JSON object", "a file that begins with {",
                    text.starts_with("version https://git-lfs")
                        ? "It is a Git LFS pointer: download the file itself."
                        : "");
  }
  BURIN_TRY(CheckShape(text, object));
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    return BadInput(object, error.what(), "correct JSON", "Download the file again.");
  }
}

const nlohmann::json& Member(const nlohmann::json& json, const char* key) {
  static const nlohmann::json kNull;
  if (!json.is_object()) return kNull;
  const auto found = json.find(key);
  return found == json.end() ? kNull : *found;
}

std::string TextMember(const nlohmann::json& json, const char* key) {
  const nlohmann::json& value = Member(json, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

Result<bool> BoolMember(const nlohmann::json& json, const char* key, bool fallback,
                        const std::string& object) {
  const nlohmann::json& value = Member(json, key);
  if (value.is_null()) return fallback;
  if (value.is_boolean()) return value.get<bool>();
  return BadInput(fmt::format("{}: {}", object, key), value.type_name(), "true or false");
}

Result<int32_t> TokenIdValue(const nlohmann::json& value, const std::string& object) {
  if (!value.is_number_integer()) return BadInput(object, value.type_name(), "an integer id");
  // Unsigned values above int64 turn negative here and are refused.
  const auto id = value.get<int64_t>();
  if (id < 0 || id >= static_cast<int64_t>(kMaxVocabulary)) {
    return BadInput(object, fmt::format("id {}", id),
                    fmt::format("an id from 0 to {}", kMaxVocabulary - 1));
  }
  return static_cast<int32_t>(id);
}

}  // namespace burin
