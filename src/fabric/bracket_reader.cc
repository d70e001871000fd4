#include "fabric/bracket_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "base/near_names.h"

namespace burin {
namespace {

constexpr size_t kMostTextBytes = 4096;
const std::vector<std::string> kGrades = {"V", "M", "S", "P", "E", "I", "R", "D"};

std::string Join(const std::string& table, std::string_view key) {
  return table.empty() ? std::string(key) : fmt::format("{}.{}", table, key);
}

std::string Shown(const toml::node& node) {
  if (const auto* text = node.as_string()) return fmt::format("\"{}\"", text->get());
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  if (node.is_table()) return "a table";
  if (node.is_array()) return "an array";
  return "a date or time";
}

}  // namespace

struct TomlReader::Impl {
  toml::table root;
  std::string object;
  std::set<std::string> asked;  // keys of values, tables in between left out
  std::optional<Error> error;

  const toml::node* At(const std::string& key) const {
    return key.empty() ? &root : root.at_path(key).node();
  }

  // The line of a key, or of the nearest table around it.
  std::string Place(std::string key) const {
    const std::string name = key;
    for (;;) {
      const toml::node* node = At(key);
      if (node != nullptr && node->source().begin.line > 0 && !key.empty()) {
        return fmt::format("{}:{}: {}", object, node->source().begin.line, name);
      }
      const size_t cut = key.find_last_of(".[");
      if (cut == std::string::npos) return fmt::format("{}: {}", object, name);
      key.resize(cut);
    }
  }

  void Fail(const std::string& key, std::string found, std::string expected, std::string advice) {
    if (error) return;
    error = Error{ErrorKind::kBadInput, Place(key), std::move(found), std::move(expected),
                  std::move(advice)};
  }

  // The node of a value, or null and an error.
  const toml::node* Need(const std::string& key, const std::string& expected) {
    asked.insert(key);
    const toml::node* node = At(key);
    if (node == nullptr) Fail(key, "is missing", expected, {});
    return node;
  }

  double NeedNumber(const std::string& key, double min, double max, const std::string& expected) {
    const toml::node* node = Need(key, expected);
    if (node == nullptr) return 0;
    double value = std::nan("");
    if (const auto* whole = node->as_integer()) value = static_cast<double>(whole->get());
    if (const auto* real = node->as_floating_point()) value = real->get();
    if (value >= min && value <= max) return value;  // false for NaN
    Fail(key, Shown(*node), expected, {});
    return 0;
  }

  // Calls visit(key) for every value that is no table, in order; stops when it returns false.
  template <typename Visit>
  static bool Walk(const toml::node& node, const std::string& key, const Visit& visit) {
    if (const auto* table = node.as_table()) {
      for (const auto& [name, child] : *table) {
        if (!Walk(child, Join(key, name.str()), visit)) return false;
      }
      return true;
    }
    if (const auto* array = node.as_array(); array != nullptr && array->is_array_of_tables()) {
      for (size_t i = 0; i < array->size(); ++i) {
        if (!Walk(*array->get(i), fmt::format("{}[{}]", key, i), visit)) return false;
      }
      return true;
    }
    return visit(key);
  }
};

TomlReader::TomlReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TomlReader::TomlReader(TomlReader&&) noexcept = default;
TomlReader::~TomlReader() = default;

Result<TomlReader> TomlReader::Parse(std::string_view text, std::string object) {
  auto impl = std::make_unique<Impl>();
  try {
    impl->root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return BadInput(fmt::format("{}:{}", object, error.source().begin.line),
                    std::string(error.description()), "TOML");
  }
  impl->object = std::move(object);
  return TomlReader(std::move(impl));
}

int64_t TomlReader::Int(const std::string& key, int64_t min, int64_t max) {
  const std::string expected = fmt::format("an integer {} to {}", min, max);
  const toml::node* node = impl_->Need(key, expected);
  if (node == nullptr) return 0;
  const auto* value = node->as_integer();
  if (value != nullptr && value->get() >= min && value->get() <= max) return value->get();
  impl_->Fail(key, Shown(*node), expected, {});
  return 0;
}

double TomlReader::Number(const std::string& key, double min, double max) {
  return impl_->NeedNumber(key, min, max, fmt::format("a number {} to {}", min, max));
}

std::string TomlReader::Text(const std::string& key) {
  const std::string expected = fmt::format("a text of 1 to {} bytes", kMostTextBytes);
  const toml::node* node = impl_->Need(key, expected);
  if (node == nullptr) return {};
  const auto* value = node->as_string();
  if (value != nullptr && !value->get().empty() && value->get().size() <= kMostTextBytes) {
    return value->get();
  }
  impl_->Fail(
      key,
      value != nullptr && value->get().size() > kMostTextBytes ? "a longer text" : Shown(*node),
      expected, {});
  return {};
}

std::string TomlReader::Choice(const std::string& key, const std::vector<std::string>& choices) {
  std::string value = Text(key);
  if (!value.empty() && std::find(choices.begin(), choices.end(), value) == choices.end()) {
    impl_->Fail(key, '"' + value + '"', fmt::format("one of {}", fmt::join(choices, ", ")), {});
  }
  return value;
}

Bracket TomlReader::ReadBracket(const std::string& key, const std::string& unit, bool may_be_zero) {
  Bracket bracket;
  const toml::node* table = impl_->At(key);
  if (table == nullptr || !table->is_table()) {
    impl_->Fail(key, table == nullptr ? "is missing" : Shown(*table),
                fmt::format("a table of low, nominal, high, unit (\"{}\"), grade and source", unit),
                {});
    if (table != nullptr) impl_->asked.insert(key);
    return bracket;
  }
  const double least = may_be_zero ? 0 : 1e-300;
  const std::string number = may_be_zero ? "a number, not negative" : "a number above 0";
  bracket.low = impl_->NeedNumber(key + ".low", least, 1e300, number);
  bracket.nominal = impl_->NeedNumber(key + ".nominal", bracket.low, 1e300,
                                      fmt::format("a number not below low ({})", bracket.low));
  bracket.high = impl_->NeedNumber(key + ".high", bracket.nominal, 1e300,
                                   fmt::format("a number not below nominal ({})", bracket.nominal));
  bracket.unit = Choice(key + ".unit", {unit});
  bracket.grade = Choice(key + ".grade", kGrades);
  bracket.source = Text(key + ".source");
  return bracket;
}

bool TomlReader::Has(const std::string& key) const { return impl_->At(key) != nullptr; }

std::vector<std::string> TomlReader::Keys(const std::string& table) const {
  std::vector<std::string> keys;
  const toml::node* node = impl_->At(table);
  if (node == nullptr || !node->is_table()) return keys;
  for (const auto& [name, child] : *node->as_table()) keys.emplace_back(name.str());
  return keys;
}

int64_t TomlReader::ArraySize(const std::string& key) const {
  const toml::node* node = impl_->At(key);
  return node != nullptr && node->is_array() ? static_cast<int64_t>(node->as_array()->size()) : 0;
}

void TomlReader::Fail(const std::string& key, std::string found, std::string expected,
                      std::string advice) {
  impl_->Fail(key, std::move(found), std::move(expected), std::move(advice));
}

Status TomlReader::Finish() {
  if (impl_->error) return tl::unexpected<Error>(*impl_->error);
  Impl::Walk(impl_->root, "", [&](const std::string& key) {
    if (impl_->asked.contains(key)) return true;
    const std::vector<std::string> known(impl_->asked.begin(), impl_->asked.end());
    impl_->Fail(key, "is unknown",
                fmt::format("a known key, such as {}", fmt::join(NearNames(key, known), ", ")), {});
    return false;
  });
  if (impl_->error) return tl::unexpected<Error>(*impl_->error);
  return {};
}

}  // namespace burin
