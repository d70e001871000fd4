#include "quant/strict_fields.h"

namespace burin {
namespace {

constexpr size_t kMaxText = 4096;
const Json kNull;
const Json kEmptyObject = Json::object();

Error MakeError(std::string object, std::string found, std::string expected = {}) {
  return {ErrorKind::kBadInput, std::move(object), std::move(found), std::move(expected), {}};
}

}  // namespace

StrictFields::StrictFields(const Json& json, std::string object)
    : json_(json.is_object() ? json : kEmptyObject), object_(std::move(object)) {
  if (!json.is_object()) Fail(MakeError(object_, "missing or of another type", "a JSON object"));
}

template <typename T>
std::optional<T> StrictFields::Take(Result<std::optional<T>> value) {
  if (value) return std::move(*value);
  Fail(std::move(value).error());
  return std::nullopt;
}

template <typename T>
T StrictFields::Need(Result<std::optional<T>> value, const char* key) {
  std::optional<T> taken = Take(std::move(value));
  if (taken) return std::move(*taken);
  Fail(MakeError(Field(key), "missing"));
  return T{};
}

int64_t StrictFields::Int(const char* key, int64_t min, int64_t max) {
  return Need(JsonFields(json_, object_).Int(key, min, max), key);
}
double StrictFields::Number(const char* key) {
  return Need(JsonFields(json_, object_).Number(key), key);
}
bool StrictFields::Bool(const char* key) { return Need(JsonFields(json_, object_).Bool(key), key); }

std::string StrictFields::String(const char* key) {
  std::string text = Need(JsonFields(json_, object_).String(key), key);
  if (text.size() > kMaxText) {
    Fail(MakeError(Field(key), fmt::format("{} bytes", text.size()),
                   fmt::format("at most {}", kMaxText)));
    text.clear();
  }
  return text;
}

std::vector<int64_t> StrictFields::Ints(const char* key, int64_t min, int64_t max, size_t most) {
  const Json& array = At(key);
  std::vector<int64_t> values;
  if (!array.is_array() || array.size() > most) {
    Fail(MakeError(Field(key), PrintableJson(array),
                   fmt::format("an array of at most {} integers", most)));
    return values;
  }
  for (const Json& item : array) {
    if (!item.is_number_integer() || item < min || item > max) {
      Fail(MakeError(Field(key), PrintableJson(item),
                     fmt::format("an integer of {} to {}", min, max)));
      return {};
    }
    values.push_back(item.get<int64_t>());
  }
  return values;
}

std::optional<int64_t> StrictFields::MaybeInt(const char* key, int64_t min, int64_t max) {
  return Take(JsonFields(json_, object_).Int(key, min, max));
}
std::optional<double> StrictFields::MaybeNumber(const char* key) {
  return Take(JsonFields(json_, object_).Number(key));
}
std::optional<bool> StrictFields::MaybeBool(const char* key) {
  return Take(JsonFields(json_, object_).Bool(key));
}

const Json& StrictFields::At(const char* key) const {
  const auto found = json_.find(key);
  return found == json_.end() ? kNull : *found;
}

void StrictFields::Fail(Error error) {
  if (!error_) error_ = std::move(error);
}

Status StrictFields::status() const {
  if (error_) return tl::unexpected<Error>(*error_);
  return {};
}

}  // namespace burin
