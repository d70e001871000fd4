// JSON files of a checkpoint, read with limits; and typed access to their fields.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace burin {

using Json = nlohmann::json;

// Text from a file for a message: printable ASCII as it is, other bytes as \xNN; the first 120
// bytes.
std::string Printable(std::string_view text);

// One JSON object. Errors name `object`: a syntax error (with its byte), trailing text, a key twice
// in one object, nesting above 32, or a value that is not an object.
Result<Json> ParseJsonObject(std::string_view text, const std::string& object);

// Fields of a JSON object, each by key; a field that is absent or null gives nullopt. Errors name
// the file and the key when the value has another type or (integers) leaves [min, max].
class JsonFields {
 public:
  JsonFields(const Json& json, std::string object) : json_(json), object_(std::move(object)) {}

  const std::string& object() const { return object_; }
  bool Has(const char* key) const;  // present and not null
  Result<std::optional<int64_t>> Int(const char* key, int64_t min, int64_t max) const;
  Result<std::optional<double>> Number(const char* key) const;
  Result<std::optional<bool>> Bool(const char* key) const;
  Result<std::optional<std::string>> String(const char* key) const;

  // As above, but an absent field is an error.
  Result<int64_t> RequiredInt(const char* key, int64_t min, int64_t max) const;

  // "config.json: hidden_size", as the object of an error message.
  std::string Field(const char* key) const { return object_ + ": " + key; }

 private:
  const Json& json_;
  std::string object_;
};

// A JSON value for a message, on one line and cut to 120 bytes.
std::string PrintableJson(const Json& value);

}  // namespace burin
