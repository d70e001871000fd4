#include "serve/json_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace burin {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kDeepest = 64;

const Json& Of(const void* value) { return *static_cast<const Json*>(value); }

// The tree is built and freed by recursion in places: depth is bounded before.
bool IsTooDeep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepest) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

std::string Quoted(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 40) text = text.substr(0, 40) + "...";
  // A cut may have split a character; the writer of the answer replaces what is left of it.
  return text;
}

const char* TypeName(const Json& value) {
  if (value.is_number_integer()) return "an integer";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a string";
  if (value.is_boolean()) return "a boolean";
  if (value.is_array()) return "an array";
  return value.is_object() ? "an object" : "null";
}

}  // namespace

struct JsonDocument::Tree {
  Json root;
};

JsonDocument::JsonDocument() : tree_(std::make_unique<Tree>()) {}
JsonDocument::~JsonDocument() = default;

ApiResult<std::unique_ptr<JsonDocument>> JsonDocument::Parse(std::string_view text) {
  if (IsTooDeep(text)) {
    return Refuse(BadField({}, fmt::format("The JSON is nested more than {} deep.", kDeepest)));
  }
  std::unique_ptr<JsonDocument> document(new JsonDocument);
  try {
    document->tree_->root = Json::parse(text);
  } catch (const Json::exception& error) {
    std::string what = error.what();
    if (const size_t at = what.find("] "); at != std::string::npos) what = what.substr(at + 2);
    if (what.size() > 200) what.resize(200);
    return Refuse(BadField({}, "The body is not valid JSON: " + what, "invalid_json"));
  }
  if (!document->tree_->root.is_object()) {
    return Refuse(BadField({}, fmt::format("The body must be a JSON object, not {}.",
                                           TypeName(document->tree_->root))));
  }
  return document;
}

JsonView JsonDocument::root() { return {&tree_->root, {}, this}; }

ApiResult<void> JsonDocument::Check() const {
  if (mistake_) return Refuse(*mistake_);
  return {};
}

JsonView JsonView::Child(const void* value, std::string path) const {
  if (value != nullptr && Of(value).is_null()) value = nullptr;
  return {value, std::move(path), document_};
}

bool JsonView::is_text() const { return exists() && Of(value_).is_string(); }
bool JsonView::is_array() const { return exists() && Of(value_).is_array(); }
bool JsonView::is_object() const { return exists() && Of(value_).is_object(); }
bool JsonView::is_bool() const { return exists() && Of(value_).is_boolean(); }
bool JsonView::is_number() const { return exists() && Of(value_).is_number(); }

size_t JsonView::size() const { return is_array() || is_object() ? Of(value_).size() : 0; }

JsonView JsonView::operator[](size_t index) const {
  const void* child = is_array() && index < size() ? &Of(value_)[index] : nullptr;
  return Child(child, fmt::format("{}[{}]", path_, index));
}

JsonView JsonView::operator[](std::string_view key) const {
  const void* child = nullptr;
  if (is_object()) {
    const auto it = Of(value_).find(std::string(key));
    if (it != Of(value_).end()) child = &*it;
  }
  return Child(child, path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key));
}

std::vector<std::string> JsonView::keys() const {
  std::vector<std::string> names;
  if (is_object()) {
    for (const auto& item : Of(value_).items()) names.push_back(item.key());
  }
  return names;
}

void JsonView::Fail(std::string message, std::string code) const {
  if (!document_->mistake_) {
    document_->mistake_ = BadField(path_, std::move(message), std::move(code));
  }
}

void JsonView::WrongType(std::string_view expected) const {
  Fail(fmt::format("'{}' must be {}, not {} ({}).", path_, expected, TypeName(Of(value_)),
                   Quoted(Of(value_))),
       "invalid_type");
}

void JsonView::Read(std::optional<int64_t>& out, int64_t least, int64_t most) const {
  if (!exists()) return;
  const Json& value = Of(value_);
  if (!value.is_number_integer()) return WrongType("an integer");
  const bool huge = value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX};
  if (huge || value.get<int64_t>() < least || value.get<int64_t>() > most) {
    return Fail(fmt::format("'{}' is {}; it must be {} to {}.", path_, Quoted(value), least, most),
                "integer_out_of_range");
  }
  out = value.get<int64_t>();
}

void JsonView::Read(int64_t& out, int64_t least, int64_t most) const {
  std::optional<int64_t> read;
  Read(read, least, most);
  if (read) out = *read;
}

void JsonView::Read(std::optional<double>& out, double least, double most) const {
  if (!exists()) return;
  const Json& value = Of(value_);
  if (!value.is_number()) return WrongType("a number");
  const double number = value.get<double>();
  if (!(number >= least && number <= most)) {
    return Fail(fmt::format("'{}' is {}; it must be {} to {}.", path_, Quoted(value), least, most),
                "number_out_of_range");
  }
  out = number;
}

void JsonView::Read(double& out, double least, double most) const {
  std::optional<double> read;
  Read(read, least, most);
  if (read) out = *read;
}

void JsonView::Read(bool& out) const {
  if (!exists()) return;
  if (!is_bool()) return WrongType("a boolean");
  out = Of(value_).get<bool>();
}

void JsonView::Read(std::string& out, size_t longest) const {
  if (!exists()) return;
  if (!is_text()) return WrongType("a string");
  const auto& text = Of(value_).get_ref<const std::string&>();
  if (text.size() > longest) {
    return Fail(
        fmt::format("'{}' has {} bytes; at most {} are allowed.", path_, text.size(), longest),
        "string_above_max_length");
  }
  out = text;
}

void JsonView::ReadChoice(std::string& out, std::initializer_list<std::string_view> choices) const {
  std::string text;
  Read(text);
  if (!is_text()) return;
  if (std::ranges::find(choices, std::string_view(text)) == choices.end()) {
    return Fail(fmt::format("'{}' is {}; it must be one of {}.", path_, Quoted(Of(value_)),
                            fmt::join(choices, ", ")),
                "invalid_value");
  }
  out = text;
}

void JsonView::ReadIds(std::vector<int32_t>& out, int64_t vocab) const {
  if (!exists()) return;
  if (!is_array()) return WrongType("an array of token ids");
  out.clear();
  for (size_t i = 0; i < size(); ++i) {
    const Json& item = Of(value_)[i];
    const bool good = item.is_number_integer() && item.get<int64_t>() >= 0 &&
                      item.get<int64_t>() < vocab &&
                      !(item.is_number_unsigned() && item.get<uint64_t>() > uint64_t{INT64_MAX});
    if (!good) {
      return (*this)[i].Fail(fmt::format("'{}[{}]' is {}; token ids are integers from 0 to {}.",
                                         path_, i, Quoted(item), vocab - 1),
                             "invalid_token_id");
    }
    out.push_back(static_cast<int32_t>(item.get<int64_t>()));
  }
}

bool JsonView::Require() const {
  if (!exists()) Fail(fmt::format("'{}' is missing.", path_), "missing_required_parameter");
  return exists();
}

bool JsonView::RequireObject() const {
  if (!Require()) return false;
  if (!is_object()) WrongType("an object");
  return is_object();
}

bool JsonView::RequireArray(size_t least, size_t most) const {
  if (!Require()) return false;
  if (!is_array()) {
    WrongType("an array");
    return false;
  }
  if (size() >= least && size() <= most) return true;
  Fail(fmt::format("'{}' has {} elements; it must have {} to {}.", path_, size(), least, most),
       "array_wrong_length");
  return false;
}

std::string JsonView::Dump() const {
  if (!exists()) return "null";
  return Of(value_).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace burin
