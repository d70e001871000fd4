#include "text/constraint/schema_merge.h"

#include <algorithm>

namespace burin::constraint {
namespace {

bool HasAny(const Json& schema, std::initializer_list<const char*> keys) {
  return std::any_of(keys.begin(), keys.end(),
                     [&](const char* key) { return schema.contains(key); });
}

// Equal as JSON values: the order of keys does not matter.
bool Same(const Json& a, const Json& b) {
  if (!a.is_structured()) return a == b;
  return nlohmann::json::parse(a.dump()) == nlohmann::json::parse(b.dump());
}

Json Common(const Json& a, const Json& b) {
  Json common = Json::array();
  for (const Json& value : a) {
    if (std::any_of(b.begin(), b.end(), [&](const Json& other) { return Same(value, other); })) {
      common.push_back(value);
    }
  }
  return common;
}

// The values that enum and const leave, or null when there is neither.
Json ValuesOf(const Json& schema) {
  Json values;
  if (schema.contains("enum")) values = schema["enum"];
  if (schema.contains("const")) {
    const Json constant = Json::array({schema["const"]});
    values = values.is_null() ? constant : Common(constant, values);
  }
  return values;
}

Json AllOf(const Json& a, const Json& b) {
  if (a == b) return a;
  if (a.is_boolean()) return a.get<bool>() ? b : a;
  if (b.is_boolean()) return b.get<bool>() ? a : b;
  return {{"allOf", Json::array({a, b})}};
}

std::vector<std::string> CommonTypes(const std::vector<std::string>& a,
                                     const std::vector<std::string>& b) {
  std::vector<std::string> common;
  const auto has = [](const std::vector<std::string>& list, const char* type) {
    return std::find(list.begin(), list.end(), type) != list.end();
  };
  for (const char* type : {"null", "boolean", "object", "array", "string", "number"}) {
    if (has(a, type) && has(b, type)) common.emplace_back(type);
  }
  const bool integer_a = has(a, "integer") || has(a, "number");
  const bool integer_b = has(b, "integer") || has(b, "number");
  if (integer_a && integer_b && !has(common, "number")) common.emplace_back("integer");
  return common;
}

std::vector<std::string> NamedTypes(const Json& schema) {
  if (!schema.contains("type")) return {};
  if (schema["type"].is_string()) return {schema["type"].get<std::string>()};
  std::vector<std::string> types;
  for (const Json& type : schema["type"]) {
    if (type.is_string()) types.push_back(type.get<std::string>());
  }
  return types;
}

void MergeProperties(const Json& a, const Json& b, Json& out) {
  static const Json kNone = Json::object();
  const Json& in_a = a.contains("properties") ? a["properties"] : kNone;
  const Json& in_b = b.contains("properties") ? b["properties"] : kNone;
  Json merged = Json::object();
  const auto with = [](const Json& property, const Json& other, const Json& other_properties,
                       const std::string& name) {
    if (other_properties.contains(name)) return AllOf(property, other_properties[name]);
    if (other.contains("additionalProperties"))
      return AllOf(property, other["additionalProperties"]);
    return property;
  };
  for (const auto& [name, property] : in_a.items()) merged[name] = with(property, b, in_b, name);
  for (const auto& [name, property] : in_b.items()) {
    if (!merged.contains(name)) merged[name] = with(property, a, in_a, name);
  }
  if (!merged.empty()) out["properties"] = std::move(merged);
  if (HasAny(a, {"required"}) || HasAny(b, {"required"})) {
    Json required = Json::array();
    for (const Json* schema : {&a, &b}) {
      if (!schema->contains("required")) continue;
      for (const Json& name : (*schema)["required"]) {
        if (std::find(required.begin(), required.end(), name) == required.end()) {
          required.push_back(name);
        }
      }
    }
    out["required"] = std::move(required);
  }
}

// The keyword of both, joined by `join`, or of the one that has it.
template <typename Join>
void MergeKey(const Json& a, const Json& b, const char* key, Json& out, const Join& join) {
  if (a.contains(key) && b.contains(key)) {
    out[key] = join(a[key], b[key]);
  } else if (a.contains(key) || b.contains(key)) {
    out[key] = a.contains(key) ? a[key] : b[key];
  }
}

Json JoinedList(const Json& a, const Json& b) {
  Json list = a.is_array() ? a : Json::array({a});
  const Json more = b.is_array() ? b : Json::array({b});
  for (const Json& item : more) {
    if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
  }
  return list;
}

bool Less(const Json& a, const Json& b) { return a.is_number() && b.is_number() ? a < b : false; }

}  // namespace

tl::unexpected<Error> SchemaError(const std::string& object, const std::string& where,
                                  std::string found, std::string expected, std::string advice) {
  return BadInput(object + " at " + where, std::move(found), std::move(expected),
                  std::move(advice));
}

std::vector<std::string> TypesOf(const Json& schema) {
  if (schema.contains("type")) return NamedTypes(schema);
  std::vector<std::string> types;
  if (HasAny(schema, {"properties", "required", "additionalProperties"})) types = {"object"};
  if (HasAny(schema, {"items", "prefixItems", "minItems", "maxItems", "uniqueItems"})) {
    types.emplace_back("array");
  }
  if (HasAny(schema, {"minLength", "maxLength", kPatternKey, kFormatKey})) {
    types.emplace_back("string");
  }
  if (HasAny(schema,
             {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})) {
    types.emplace_back("number");
  }
  return types;
}

Result<Json> Merge(const Json& a, const Json& b, const std::string& object,
                   const std::string& where) {
  if (a.is_boolean()) return a.get<bool>() ? b : a;
  if (b.is_boolean()) return b.get<bool>() ? a : b;
  Json out = Json::object();
  if (a.contains("type") && b.contains("type")) {
    out["type"] = CommonTypes(NamedTypes(a), NamedTypes(b));
    if (out["type"].empty()) return Json(false);
  } else {
    MergeKey(a, b, "type", out, [](const Json& x, const Json&) { return x; });
  }
  const Json values_a = ValuesOf(a), values_b = ValuesOf(b);
  if (!values_a.is_null() && !values_b.is_null()) {
    out["enum"] = Common(values_a, values_b);
  } else if (!values_a.is_null() || !values_b.is_null()) {
    out["enum"] = values_a.is_null() ? values_b : values_a;
  }
  MergeProperties(a, b, out);
  for (const char* key : {"additionalProperties", "items"}) MergeKey(a, b, key, out, AllOf);
  for (const char* key : {kPatternKey, kFormatKey, "allOf"}) MergeKey(a, b, key, out, JoinedList);
  for (const char* key :
       {"minItems", "minLength", "minimum", "exclusiveMinimum", "minProperties"}) {
    MergeKey(a, b, key, out, [](const Json& x, const Json& y) { return Less(x, y) ? y : x; });
  }
  for (const char* key : {"maxItems", "maxLength", "maximum", "exclusiveMaximum"}) {
    MergeKey(a, b, key, out, [](const Json& x, const Json& y) { return Less(y, x) ? y : x; });
  }
  MergeKey(a, b, "uniqueItems", out,
           [](const Json& x, const Json& y) { return x == true ? x : y; });
  for (const char* key : {"anyOf", "oneOf"}) {
    if (a.contains(key) && b.contains(key) && a[key] != b[key]) {
      Json rest = out.contains("allOf") ? out["allOf"] : Json::array();
      rest.push_back({{key, b[key]}});
      out["allOf"] = std::move(rest);
    }
    MergeKey(a, b, key, out, [](const Json& x, const Json&) { return x; });
  }
  for (const char* key : {"prefixItems", "additionalItems", "multipleOf"}) {
    if (a.contains(key) && b.contains(key) && a[key] != b[key]) {
      return SchemaError(object, where, fmt::format("two different '{}' for one value", key), "one",
                         "This is not supported.");
    }
    MergeKey(a, b, key, out, [](const Json& x, const Json&) { return x; });
  }
  return out;
}

bool AreDisjoint(const Json& a, const Json& b) {
  if (a.is_boolean() || b.is_boolean()) return a == false || b == false;
  const Json values_a = ValuesOf(a), values_b = ValuesOf(b);
  if (!values_a.is_null() && !values_b.is_null()) return Common(values_a, values_b).empty();
  if (a.contains("type") && b.contains("type")) {
    const auto types = CommonTypes(NamedTypes(a), NamedTypes(b));
    if (types.empty()) return true;
    if (types != std::vector<std::string>{"object"}) return false;
  } else {
    return false;
  }
  const auto requires_it = [](const Json& schema, const std::string& name) {
    return schema.contains("required") &&
           std::find(schema["required"].begin(), schema["required"].end(), Json(name)) !=
               schema["required"].end();
  };
  static const Json kNone = Json::object();
  const Json& in_a = a.contains("properties") ? a["properties"] : kNone;
  const Json& in_b = b.contains("properties") ? b["properties"] : kNone;
  const auto forbids = [](const Json& schema, const Json& properties, const std::string& name) {
    return schema.contains("additionalProperties") && schema["additionalProperties"] == false &&
           !properties.contains(name);
  };
  for (const auto& [name, property] : in_a.items()) {
    if (requires_it(a, name) && forbids(b, in_b, name)) return true;
    if (!in_b.contains(name) || (!requires_it(a, name) && !requires_it(b, name))) continue;
    const Json& other = in_b[name];
    if (!property.is_object() || !other.is_object()) continue;
    const Json x = ValuesOf(property), y = ValuesOf(other);
    if (!x.is_null() && !y.is_null() && Common(x, y).empty()) return true;
  }
  for (const auto& [name, property] : in_b.items()) {
    if (requires_it(b, name) && forbids(a, in_a, name)) return true;
  }
  return false;
}

}  // namespace burin::constraint
