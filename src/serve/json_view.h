// Reads a request's JSON strictly: every field has a type and a range, and what is wrong is named
// by its place ("messages[2].content"). The first mistake is kept; what is read afterwards does
// not matter.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/api_error.h"

namespace burin {

class JsonDocument;

// One value, or the absence of one. A null counts as absent: OpenAI's clients send both.
class JsonView {
 public:
  bool exists() const { return value_ != nullptr; }
  bool is_text() const;
  bool is_array() const;
  bool is_object() const;
  bool is_bool() const;
  bool is_number() const;
  const std::string& path() const { return path_; }

  // Of an array or object; 0 for others.
  size_t size() const;
  JsonView operator[](size_t index) const;
  JsonView operator[](std::string_view key) const;
  std::vector<std::string> keys() const;

  // Each leaves `out` alone when the value is absent, and keeps a mistake when it is not what it
  // should be. Text must be valid UTF-8, which the parser sees to.
  void Read(int64_t& out, int64_t least, int64_t most) const;
  void Read(std::optional<int64_t>& out, int64_t least, int64_t most) const;
  void Read(double& out, double least, double most) const;
  void Read(std::optional<double>& out, double least, double most) const;
  void Read(bool& out) const;
  void Read(std::string& out, size_t longest = SIZE_MAX) const;
  void ReadChoice(std::string& out, std::initializer_list<std::string_view> choices) const;
  // An array of ids in [0, vocab).
  void ReadIds(std::vector<int32_t>& out, int64_t vocab) const;

  // A mistake if the value is absent, or is there and no object / no array.
  bool Require() const;
  bool RequireObject() const;
  bool RequireArray(size_t least, size_t most) const;

  void Fail(std::string message, std::string code = {}) const;
  // The value as JSON text; "null" when absent.
  std::string Dump() const;

 private:
  friend class JsonDocument;
  JsonView(const void* value, std::string path, JsonDocument* document)
      : value_(value), path_(std::move(path)), document_(document) {}
  JsonView Child(const void* value, std::string path) const;
  void WrongType(std::string_view expected) const;

  const void* value_;  // a nlohmann::ordered_json
  std::string path_;
  JsonDocument* document_;
};

class JsonDocument {
 public:
  // Errors: 400 for text that is not JSON, not an object, or nested more than 64 deep.
  static ApiResult<std::unique_ptr<JsonDocument>> Parse(std::string_view text);
  ~JsonDocument();
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  JsonView root();
  JsonView operator[](std::string_view key) { return root()[key]; }
  // The first mistake, if any.
  ApiResult<void> Check() const;

 private:
  friend class JsonView;
  JsonDocument();
  struct Tree;
  std::unique_ptr<Tree> tree_;
  std::optional<ApiError> mistake_;
};

}  // namespace burin
