#include "text/jinja/from_json.h"

#include <nlohmann/json.hpp>

#include "text/json_depth.h"

namespace burin::jinja {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kMaxDepth = 64;

Value Convert(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value(json.get<bool>());
    case Json::value_t::number_integer:
      return Value(json.get<int64_t>());
    case Json::value_t::number_unsigned: {
      const auto number = json.get<uint64_t>();
      if (number <= INT64_MAX) return Value(static_cast<int64_t>(number));
      return Value(static_cast<double>(number));
    }
    case Json::value_t::number_float:
      return Value(json.get<double>());
    case Json::value_t::string:
      return Value(MarkedText(json.get<std::string>(), /*foreign=*/true));
    case Json::value_t::array: {
      List list;
      for (const Json& item : json) list.items.push_back(Convert(item));
      return Value(std::move(list));
    }
    case Json::value_t::object: {
      Dict dict;
      for (const auto& [key, item] : json.items()) {
        dict.Set(Value(MarkedText(key, /*foreign=*/true)), Convert(item));
      }
      return Value(std::move(dict));
    }
    default:
      return Value(None{});
  }
}

}  // namespace

Result<Value> FromJson(std::string_view json, const std::string& object) {
  if (NestsDeeperThan(json, kMaxDepth)) {
    return BadInput(object, fmt::format("more than {} levels of nesting", kMaxDepth));
  }
  try {
    return Convert(Json::parse(json));
  } catch (const nlohmann::json::exception& error) {
    return BadInput(object, error.what(), "correct JSON");
  }
}

}  // namespace burin::jinja
