// Typed reading of a JSON object whose first error is asked for once at the end, so that a reader
// stays a list of its fields. Internal to the metadata reader.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/json_reader.h"

namespace burin {

class StrictFields {
 public:
  // `json` must outlive this. A value that is no object is an error, and reads as an empty one.
  StrictFields(const Json& json, std::string object);

  // Present fields of that type and range; after an error 0, false or "".
  int64_t Int(const char* key, int64_t min, int64_t max);
  double Number(const char* key);
  bool Bool(const char* key);
  std::string String(const char* key);  // at most 4096 bytes
  std::vector<int64_t> Ints(const char* key, int64_t min, int64_t max, size_t most);
  // Fields that may be absent.
  std::optional<int64_t> MaybeInt(const char* key, int64_t min, int64_t max);
  std::optional<double> MaybeNumber(const char* key);
  std::optional<bool> MaybeBool(const char* key);
  // The value of a key, null when absent.
  const Json& At(const char* key) const;

  std::string Field(const char* key) const { return object_ + ": " + key; }
  // Keeps the first error.
  void Fail(Error error);
  void Fail(const Status& status) {
    if (!status) Fail(status.error());
  }
  Status status() const;

 private:
  template <typename T>
  std::optional<T> Take(Result<std::optional<T>> value);
  template <typename T>
  T Need(Result<std::optional<T>> value, const char* key);

  const Json& json_;
  const std::string object_;
  std::optional<Error> error_;
};

}  // namespace burin
