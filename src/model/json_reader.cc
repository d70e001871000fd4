#include "model/json_reader.h"

#include <cmath>
#include <vector>

namespace burin {
namespace {

constexpr size_t kMaxDepth = 32;

// Builds the document; stops at the first key that comes twice and at too deep nesting.
class DomBuilder : public nlohmann::json_sax<Json> {
 public:
  Json root;
  std::string problem;

  bool null() override { return Put(nullptr); }
  bool boolean(bool value) override { return Put(value); }
  bool number_integer(number_integer_t value) override { return Put(value); }
  bool number_unsigned(number_unsigned_t value) override { return Put(value); }
  bool number_float(number_float_t value, const string_t&) override { return Put(value); }
  bool string(string_t& value) override { return Put(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return Open(Json::object()); }
  bool start_array(size_t) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& value) override {
    if (open_.back()->contains(value)) {
      problem = fmt::format("key '{}' comes twice", Printable(value));
      return false;
    }
    slot_ = &(*open_.back())[value];
    return true;
  }
  bool parse_error(size_t position, const std::string&, const Json::exception&) override {
    problem = fmt::format("not valid JSON at byte {}", position);
    return false;
  }

 private:
  Json* Place(Json value) {
    if (open_.empty()) return &(root = std::move(value));
    if (open_.back()->is_array()) return &open_.back()->emplace_back(std::move(value));
    return &(*slot_ = std::move(value));
  }
  bool Put(Json value) {
    Place(std::move(value));
    return true;
  }
  bool Open(Json value) {
    if (open_.size() == kMaxDepth) {
      problem = fmt::format("nested deeper than {} levels", kMaxDepth);
      return false;
    }
    open_.push_back(Place(std::move(value)));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  std::vector<Json*> open_;
  Json* slot_ = nullptr;
};

}  // namespace

std::string Printable(std::string_view text) {
  constexpr size_t kMaxBytes = 120;
  std::string out;
  for (const char c : text.substr(0, kMaxBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte > 0x7E ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return text.size() > kMaxBytes ? out + "..." : out;
}

std::string PrintableJson(const Json& value) {
  return Printable(value.dump(-1, ' ', true, Json::error_handler_t::replace));
}

Result<Json> ParseJsonObject(std::string_view text, const std::string& object) {
  DomBuilder builder;
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return BadInput(object, builder.problem, "one JSON object", "Download the file again.");
  }
  if (!builder.root.is_object()) {
    return BadInput(object, std::string("a JSON ") + builder.root.type_name(), "a JSON object");
  }
  return std::move(builder.root);
}

bool JsonFields::Has(const char* key) const {
  const auto it = json_.find(key);
  return it != json_.end() && !it->is_null();
}

Result<std::optional<int64_t>> JsonFields::Int(const char* key, int64_t min, int64_t max) const {
  if (!Has(key)) return std::nullopt;
  const Json& value = json_[key];
  const bool fits = value.is_number_integer() &&
                    !(value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{INT64_MAX});
  if (!fits || value.get<int64_t>() < min || value.get<int64_t>() > max) {
    return BadInput(Field(key), PrintableJson(value), fmt::format("an integer {} to {}", min, max));
  }
  return value.get<int64_t>();
}

Result<int64_t> JsonFields::RequiredInt(const char* key, int64_t min, int64_t max) const {
  BURIN_ASSIGN(const std::optional<int64_t> value, Int(key, min, max));
  if (!value)
    return BadInput(Field(key), "is missing", fmt::format("an integer {} to {}", min, max));
  return *value;
}

Result<std::optional<double>> JsonFields::Number(const char* key) const {
  if (!Has(key)) return std::nullopt;
  const Json& value = json_[key];
  if (!value.is_number() || !std::isfinite(value.get<double>())) {
    return BadInput(Field(key), PrintableJson(value), "a finite number");
  }
  return value.get<double>();
}

Result<std::optional<bool>> JsonFields::Bool(const char* key) const {
  if (!Has(key)) return std::nullopt;
  if (!json_[key].is_boolean()) {
    return BadInput(Field(key), PrintableJson(json_[key]), "true or false");
  }
  return json_[key].get<bool>();
}

Result<std::optional<std::string>> JsonFields::String(const char* key) const {
  if (!Has(key)) return std::nullopt;
  if (!json_[key].is_string()) {
    return BadInput(Field(key), PrintableJson(json_[key]), "a string");
  }
  return json_[key].get<std::string>();
}

}  // namespace burin
