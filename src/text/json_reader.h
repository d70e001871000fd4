// JSON with bounds: what hostile files may cost is decided before the parser runs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace burin {

inline constexpr size_t kMaxJsonBytes = size_t{128} << 20;

// Parses `text`, which must be one JSON object.
// Errors: kBadInput when it is larger than kMaxJsonBytes, nests deeper than 32, holds more than
// 4 million values (Gemma's tokenizer.json has 2.5 million), or is no JSON object; the first three
// are found by one pass over the bytes that allocates nothing.
Result<nlohmann::json> ParseBoundedJson(std::string_view text, const std::string& object);

// The member `key` of `json`, or a null value; also when `json` is no object.
const nlohmann::json& Member(const nlohmann::json& json, const char* key);

// The text of a member, or an empty string when it is absent or no string.
std::string TextMember(const nlohmann::json& json, const char* key);

// The member `key` as a boolean; `fallback` when it is absent or null.
// Errors: kBadInput when it is something else.
Result<bool> BoolMember(const nlohmann::json& json, const char* key, bool fallback,
                        const std::string& object);

// `value` as a token id.
// Errors: kBadInput when it is no integer or outside [0, kMaxVocabulary).
Result<int32_t> TokenIdValue(const nlohmann::json& value, const std::string& object);

}  // namespace burin
