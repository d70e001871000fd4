// Writes JSON text as it goes, without a tree: an answer in a stream is a few of these for every
// token. The caller keeps the order of keys and values right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace burin {

class JsonWriter {
 public:
  JsonWriter() = default;
  // Goes on with what another writer began: what comes next is the first value behind its last
  // bracket.
  explicit JsonWriter(std::string begun) : out_(std::move(begun)) {}

  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Key(std::string_view name);

  // Bytes that are not UTF-8 become U+FFFD.
  JsonWriter& String(std::string_view text);
  JsonWriter& Int(int64_t value);
  JsonWriter& Unsigned(uint64_t value);
  // The shortest digits that give the value back; null when it is not finite.
  JsonWriter& Number(double value);
  JsonWriter& Bool(bool value) { return Raw(value ? "true" : "false"); }
  JsonWriter& Null() { return Raw("null"); }
  // A value that is JSON already.
  JsonWriter& Raw(std::string_view json);

  template <typename T>
  JsonWriter& Field(std::string_view name, const T& value) {
    Key(name);
    if constexpr (std::is_same_v<T, bool>) {
      return Bool(value);
    } else if constexpr (std::is_floating_point_v<T>) {
      return Number(value);
    } else if constexpr (std::is_unsigned_v<T>) {
      return Unsigned(value);
    } else if constexpr (std::is_integral_v<T>) {
      return Int(value);
    } else {
      return String(value);
    }
  }
  JsonWriter& NullField(std::string_view name) { return Key(name).Null(); }

  std::string Take() { return std::move(out_); }

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  void Separate();

  std::string out_;
  bool comma_ = false;  // a value stands before
};

}  // namespace burin
