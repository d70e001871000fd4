#include "text/constraint/json_schema.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "text/constraint/automaton.h"
#include "text/constraint/number_range.h"
#include "text/constraint/schema_merge.h"
#include "text/constraint/schema_strings.h"
#include "text/definition.h"
#include "text/json_depth.h"

namespace burin::constraint {
namespace {

constexpr int kMaxDepth = 64;
constexpr int kMaxJoins = 20'000;
constexpr size_t kMaxBranches = 1000;

// Keywords that say nothing about which values are allowed.
constexpr std::string_view kDescriptions[] = {"title",
                                              "description",
                                              "default",
                                              "examples",
                                              "example",
                                              "$schema",
                                              "$id",
                                              "id",
                                              "$comment",
                                              "deprecated",
                                              "readOnly",
                                              "writeOnly",
                                              "contentMediaType",
                                              "contentEncoding",
                                              "contentSchema",
                                              "$defs",
                                              "definitions",
                                              "$anchor",
                                              "discriminator"};
constexpr std::string_view kKeywords[] = {"type",
                                          "enum",
                                          "const",
                                          "anyOf",
                                          "oneOf",
                                          "allOf",
                                          "$ref",
                                          "properties",
                                          "required",
                                          "additionalProperties",
                                          "items",
                                          "prefixItems",
                                          "additionalItems",
                                          "minItems",
                                          "maxItems",
                                          "uniqueItems",
                                          "minLength",
                                          "maxLength",
                                          "pattern",
                                          "format",
                                          "minimum",
                                          "maximum",
                                          "exclusiveMinimum",
                                          "exclusiveMaximum",
                                          "multipleOf",
                                          "minProperties"};

template <size_t kCount>
bool IsOneOf(const std::string_view (&names)[kCount], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

// White space that may stand where JSON allows it: none, a space, or a line end with an indent.
Expr Space() {
  CodePoints blank(' ', ' ');
  blank.Add('\t', '\t');
  static const Expr kSpace =
      Choice({Bytes(""), Bytes(" "), Sequence({Bytes("\n"), Repeat(Points(blank), 0, 20)})});
  return kSpace;
}

Expr Comma() { return Sequence({Bytes(","), Space()}); }

Expr InBrackets(const char* open, Expr inner, const char* close) {
  return Sequence({Bytes(open), Space(), std::move(inner), Space(), Bytes(close)});
}

class Reader {
 public:
  explicit Reader(const std::string& object) : object_(object) {}

  Result<Grammar> Run(Json schema) {
    root_ = std::move(schema);
    grammar_.root = RuleFor(root_, "#");
    while (!pending_.empty()) {
      const Pending next = std::move(pending_.back());
      pending_.pop_back();
      BURIN_ASSIGN(grammar_.rules[next.rule], Compile(next.schema, next.where, 0));
      if (grammar_.rules.size() > kMaxRules) {
        return BadInput(object_, fmt::format("more than {} parts", kMaxRules));
      }
    }
    return std::move(grammar_);
  }

 private:
  struct Pending {
    uint32_t rule;
    Json schema;
    std::string where;
  };

  tl::unexpected<Error> Fail(const std::string& where, std::string found, std::string expected = {},
                             std::string advice = {}) const {
    return SchemaError(object_, where, std::move(found), std::move(expected), std::move(advice));
  }

  // The rule of a schema, to be filled in later; equal schemas share one.
  uint32_t RuleFor(const Json& schema, const std::string& where) {
    const auto [place, fresh] =
        rules_.try_emplace(schema.dump(), static_cast<uint32_t>(grammar_.rules.size()));
    if (fresh) {
      grammar_.rules.push_back(nullptr);
      grammar_.names.push_back(where);
      pending_.push_back({place->second, schema, where});
    }
    return place->second;
  }

  Expr Value(const Json& schema, const std::string& where) { return Rule(RuleFor(schema, where)); }

  Status CheckKeywords(const Json& schema, const std::string& where) const {
    for (const auto& [key, value] : schema.items()) {
      if (IsOneOf(kKeywords, key) || IsOneOf(kDescriptions, key) || key.starts_with("x-")) continue;
      return Fail(where, "the keyword " + Quoted(key), "a supported one",
                  "docs/constrained-output.md lists them.");
    }
    for (const char* key : {"properties"}) {
      if (schema.contains(key) && !schema[key].is_object()) {
        return Fail(where + "/" + key, schema[key].type_name(), "an object");
      }
    }
    for (const char* key : {"required", "enum", "anyOf", "oneOf", "allOf", "prefixItems"}) {
      if (schema.contains(key) && !schema[key].is_array()) {
        return Fail(where + "/" + key, schema[key].type_name(), "a list");
      }
    }
    if (schema.contains("required")) {
      for (const Json& name : schema["required"]) {
        if (!name.is_string()) return Fail(where + "/required", name.type_name(), "a string");
      }
    }
    return CheckTypes(schema, where);
  }

  Status CheckTypes(const Json& schema, const std::string& where) const {
    if (!schema.contains("type")) return {};
    const Json list = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
    for (const Json& type : list) {
      constexpr std::string_view kTypes[] = {"null",   "boolean", "object", "array",
                                             "string", "number",  "integer"};
      if (!type.is_string() || !IsOneOf(kTypes, type.get<std::string>())) {
        return Fail(where + "/type", type.dump().substr(0, 40),
                    "null, boolean, object, array, string, number or integer");
      }
    }
    return {};
  }

  // `schema` with its $ref, and allOf, joined into one; checked.
  Result<Json> Flat(const Json& schema, const std::string& where, int depth) {
    if (schema.is_boolean()) return schema;
    if (!schema.is_object()) return Fail(where, schema.type_name(), "an object or a boolean");
    if (depth > kMaxDepth || ++joins_ > kMaxJoins) {
      return Fail(where, "references or allOf that do not end");
    }
    BURIN_TRY(CheckKeywords(schema, where));
    Json flat = schema;
    if (schema.contains("$ref")) {
      BURIN_ASSIGN(const Json target, Resolve(schema["$ref"], where));
      BURIN_ASSIGN(const Json flat_target, Flat(target, where + "/$ref", depth + 1));
      flat.erase("$ref");
      BURIN_ASSIGN(flat, Merge(flat, flat_target, object_, where));
    }
    while (flat.is_object() && flat.contains("allOf")) {
      const Json parts = flat["allOf"];
      flat.erase("allOf");
      for (const Json& part : parts) {
        BURIN_ASSIGN(const Json flat_part, Flat(part, where + "/allOf", depth + 1));
        BURIN_ASSIGN(flat, Merge(flat, flat_part, object_, where));
      }
      if (++joins_ > kMaxJoins) return Fail(where, "allOf that does not end");
    }
    return flat;
  }

  Result<Json> Resolve(const Json& reference, const std::string& where) const {
    if (!reference.is_string() || !reference.get<std::string>().starts_with('#')) {
      return Fail(where + "/$ref", reference.dump().substr(0, 80), "a reference into this schema",
                  "References to other documents are not supported.");
    }
    const std::string text = reference.get<std::string>().substr(1);
    try {
      return root_.at(Json::json_pointer(text));
    } catch (const nlohmann::json::exception&) {
      return Fail(where + "/$ref", Quoted(text), "a place that is there, as in #/$defs/name");
    }
  }

  static bool OnlyReference(const Json& schema) {
    return schema.contains("$ref") &&
           std::all_of(schema.items().begin(), schema.items().end(), [](const auto& item) {
             return item.key() == "$ref" || IsOneOf(kDescriptions, item.key());
           });
  }

  Result<Expr> Compile(const Json& schema, const std::string& where, int depth) {
    if (schema.is_boolean()) return schema.get<bool>() ? Any() : Nothing();
    if (schema.is_object() && OnlyReference(schema)) {
      BURIN_ASSIGN(const Json target, Resolve(schema["$ref"], where));
      return Value(target, schema["$ref"].get<std::string>());
    }
    BURIN_ASSIGN(const Json flat, Flat(schema, where, 0));
    if (flat.is_boolean()) return flat.get<bool>() ? Any() : Nothing();
    for (const char* key : {"anyOf", "oneOf"}) {
      if (flat.contains(key)) return CompileBranches(flat, key, where, depth);
    }
    if (flat.contains("enum") || flat.contains("const")) return CompileValues(flat, where);
    std::vector<std::string> types = TypesOf(flat);
    if (types.empty()) return Any();
    std::vector<Expr> choices;
    for (const std::string& type : types) {
      BURIN_ASSIGN(Expr choice, CompileType(type, flat, where));
      choices.push_back(std::move(choice));
    }
    return Choice(std::move(choices));
  }

  Result<Expr> CompileBranches(const Json& flat, const char* key, const std::string& where,
                               int depth) {
    Json rest = flat;
    const Json& branches = flat[key];
    rest.erase(key);
    branches_ += branches.size();
    if (branches_ > kMaxBranches || depth > kMaxDepth) {
      return Fail(where, fmt::format("more than {} branches", kMaxBranches));
    }
    const bool plain = std::all_of(rest.items().begin(), rest.items().end(), [](const auto& item) {
      return IsOneOf(kDescriptions, item.key());
    });
    std::vector<Json> flats;
    std::vector<Expr> choices;
    for (size_t i = 0; i < branches.size(); ++i) {
      const std::string place = fmt::format("{}/{}/{}", where, key, i);
      BURIN_ASSIGN(Json branch, Flat(branches[i], place, 0));
      if (std::string_view(key) == "oneOf") BURIN_TRY(CheckDisjoint(flats, branch, place));
      flats.push_back(branch);
      if (plain) {
        choices.push_back(Value(branches[i], place));
      } else {
        BURIN_ASSIGN(branch, Merge(rest, branch, object_, place));
        choices.push_back(Value(branch, place));
      }
    }
    return Choice(std::move(choices));
  }

  Status CheckDisjoint(const std::vector<Json>& others, const Json& branch,
                       const std::string& where) const {
    for (size_t i = 0; i < others.size(); ++i) {
      if (AreDisjoint(others[i], branch)) continue;
      return Fail(where, fmt::format("a oneOf branch that may match together with branch {}", i),
                  "branches that differ in type or in the constant of a required property",
                  "Use anyOf.");
    }
    return {};
  }

  // enum and const: those values that the other keywords allow.
  Result<Expr> CompileValues(const Json& flat, const std::string& where) {
    Json values = flat.contains("enum") ? flat["enum"] : Json::array({flat["const"]});
    if (flat.contains("enum") && flat.contains("const")) {
      BURIN_ASSIGN(const Json joined,
                   Merge({{"enum", flat["enum"]}}, {{"const", flat["const"]}}, object_, where));
      values = joined["enum"];
    }
    for (const auto& [key, value] : flat.items()) {
      if (key == "enum" || key == "const" || key == "type" || IsOneOf(kDescriptions, key)) continue;
      return Fail(where, "'" + key + "' beside enum or const", "none",
                  "Leave out the values that it does not allow, and the keyword.");
    }
    const std::vector<std::string> types =
        flat.contains("type") ? TypesOf(flat) : std::vector<std::string>();
    std::vector<Expr> choices;
    for (const Json& value : values) {
      if (types.empty() || HasType(value, types)) choices.push_back(Literal(value));
    }
    return Choice(std::move(choices));
  }

  static bool HasType(const Json& value, const std::vector<std::string>& types) {
    return std::any_of(types.begin(), types.end(), [&](const std::string& type) {
      if (type == "integer") {
        return value.is_number_integer() ||
               (value.is_number_float() && value.get<double>() == std::floor(value.get<double>()));
      }
      return type == value.type_name();
    });
  }

  // The JSON text of one value, with white space where it may stand.
  static Expr Literal(const Json& value) {
    if (value.is_string()) return Bytes(JsonQuoted(value.get<std::string>()));
    if (!value.is_structured()) return Bytes(value.dump());
    std::vector<Expr> parts;
    for (const auto& [key, item] : value.items()) {
      if (!parts.empty()) parts.push_back(Comma());
      if (value.is_object()) {
        parts.push_back(Bytes(JsonQuoted(key) + ":"));
        parts.push_back(Space());
      }
      parts.push_back(Literal(item));
    }
    Expr inner = parts.empty() ? Bytes("") : Sequence(std::move(parts));
    return value.is_object() ? InBrackets("{", std::move(inner), "}")
                             : InBrackets("[", std::move(inner), "]");
  }

  Expr Any() {
    static const char* const kTypes[] = {"object", "array", "string", "number", "boolean", "null"};
    std::vector<Expr> choices;
    for (const char* type : kTypes) choices.push_back(Value({{"type", type}}, type));
    return Choice(std::move(choices));
  }

  Result<Expr> CompileType(const std::string& type, const Json& schema, const std::string& where) {
    if (type == "null") return Bytes("null");
    if (type == "boolean") return Choice({Bytes("true"), Bytes("false")});
    if (type == "string") return StringExpression(schema, object_, where);
    if (type == "object") return CompileObject(schema, where);
    if (type == "array") return CompileArray(schema, where);
    return CompileNumber(type == "integer", schema, where);
  }

  Result<Expr> CompileNumber(bool integer, const Json& schema, const std::string& where) {
    if (schema.contains("multipleOf")) {
      if (schema["multipleOf"] != 1) {
        return Fail(where + "/multipleOf", schema["multipleOf"].dump().substr(0, 40), "1",
                    "Other multiples are not supported.");
      }
      integer = true;
    }
    BURIN_ASSIGN(const auto low, Bound(schema, "minimum", "exclusiveMinimum", true, where));
    BURIN_ASSIGN(const auto high, Bound(schema, "maximum", "exclusiveMaximum", false, where));
    return NumberBetween(integer, low, high);
  }

  // The stricter of an inclusive and an exclusive bound.
  Result<std::optional<NumberBound>> Bound(const Json& schema, const char* inclusive,
                                           const char* exclusive, bool low,
                                           const std::string& where) const {
    std::optional<NumberBound> bound;
    Json value;
    for (const char* key : {inclusive, exclusive}) {
      if (!schema.contains(key)) continue;
      const Json& given = schema[key];
      if (!given.is_number()) return Fail(where + "/" + key, given.type_name(), "a number");
      const bool is_exclusive = key == exclusive;
      const bool stricter =
          !bound || (low ? given > value : given < value) || (given == value && is_exclusive);
      if (!stricter) continue;
      value = given;
      bound = NumberBound{
          given.is_number_float() ? PlainDecimal(given.get<double>()) : given.dump(), is_exclusive};
    }
    return bound;
  }

  Result<Expr> CompileObject(const Json& schema, const std::string& where) {
    static const Json kNone = Json::object();
    const Json& properties = schema.contains("properties") ? schema["properties"] : kNone;
    const Json required = schema.contains("required") ? schema["required"] : Json::array();
    BURIN_ASSIGN(const uint32_t least, CountOf(schema, "minProperties", 0, object_, where));
    if (least > required.size()) {
      return Fail(where + "/minProperties", fmt::format("{}", least),
                  "at most as many as are required", "Name them in 'required'.");
    }
    // Without a word about others, an object that lists its properties has no others.
    Json others = properties.empty();
    if (schema.contains("additionalProperties")) others = schema["additionalProperties"];
    std::vector<Expr> parts, names;
    std::vector<bool> optional;
    const auto add = [&](const std::string& name, const Json& value) {
      const std::string place = fmt::format("{}/properties/{}", where, name);
      const Expr key = Bytes(JsonQuoted(name));
      parts.push_back(Sequence({key, Bytes(":"), Space(), Value(value, place)}));
      names.push_back(key);
      optional.push_back(std::find(required.begin(), required.end(), Json(name)) == required.end());
    };
    for (const auto& [name, value] : properties.items()) add(name, value);
    const Json unnamed =
        schema.contains("additionalProperties") ? schema["additionalProperties"] : Json(true);
    for (const Json& name : required) {
      if (!properties.contains(name.get<std::string>())) add(name.get<std::string>(), unnamed);
    }
    const bool more = others != false;
    if (more) {
      const Expr key = names.empty() ? AnyString() : Except(PlainString(), Choice(names));
      parts.push_back(
          Sequence({key, Bytes(":"), Space(), Value(others, where + "/additionalProperties")}));
      optional.push_back(true);
    }
    return InBrackets("{", Fields(std::move(parts), std::move(optional), Comma(), more), "}");
  }

  Result<Expr> CompileArray(const Json& schema, const std::string& where) {
    BURIN_ASSIGN(const uint32_t min, CountOf(schema, "minItems", 0, object_, where));
    BURIN_ASSIGN(uint32_t max, CountOf(schema, "maxItems", kUnlimited, object_, where));
    if (schema.contains("uniqueItems") && schema["uniqueItems"] != false && max > 1) {
      return Fail(where + "/uniqueItems", "true", "false", "Unique items are not supported.");
    }
    // The old form of a tuple: a list under `items`, and `additionalItems`.
    const bool old_tuple = schema.contains("items") && schema["items"].is_array();
    const char* const tuple_key = old_tuple ? "items" : "prefixItems";
    const Json first = schema.contains(tuple_key) && (old_tuple || schema.contains("prefixItems"))
                           ? schema[tuple_key]
                           : Json::array();
    const char* const rest_key = old_tuple ? "additionalItems" : "items";
    const Json rest = schema.contains(rest_key) ? schema[rest_key] : Json(first.empty());
    const auto count = static_cast<uint32_t>(first.size());
    if (rest == false) max = std::min(max, count);
    if (max < min) return Nothing();
    if (first.size() > 1000) return Fail(where, "a tuple of more than 1000 items");
    const Expr item = rest == false ? Nothing() : Value(rest, where + "/items");
    // From the last item to the first: "and then perhaps more".
    Expr tail = max > count ? Repeat(Sequence({Comma(), item}), min > count ? min - count : 0,
                                     max == kUnlimited ? kUnlimited : max - count)
                            : Bytes("");
    if (count == 0) {
      if (max == 0) return InBrackets("[", Bytes(""), "]");
      const uint32_t others = max == kUnlimited ? kUnlimited : max - 1;
      Expr list =
          Sequence({item, Repeat(Sequence({Comma(), item}), min > 0 ? min - 1 : 0, others)});
      return InBrackets("[", min == 0 ? Optional(std::move(list)) : std::move(list), "]");
    }
    for (uint32_t i = count; i-- > 0;) {
      if (i >= max) continue;
      const Expr value = Value(first[i], fmt::format("{}/prefixItems/{}", where, i));
      Expr part =
          i == 0 ? Sequence({value, std::move(tail)}) : Sequence({Comma(), value, std::move(tail)});
      tail = i < min ? std::move(part) : Optional(std::move(part));
    }
    return InBrackets("[", std::move(tail), "]");
  }

  const std::string& object_;
  Json root_;
  Grammar grammar_;
  std::map<std::string, uint32_t> rules_;
  std::vector<Pending> pending_;
  int joins_ = 0;
  size_t branches_ = 0;
};

}  // namespace

Result<Grammar> ReadJsonSchema(std::string_view schema, const std::string& object) {
  if (schema.size() > kMaxSchemaBytes) {
    return BadInput(object, fmt::format("{} bytes", schema.size()),
                    fmt::format("at most {}", kMaxSchemaBytes));
  }
  if (NestsDeeperThan(schema, kMaxDepth)) {
    return BadInput(object, fmt::format("more than {} levels of nesting", kMaxDepth));
  }
  try {
    return Reader(object).Run(Json::parse(schema));
  } catch (const nlohmann::json::exception& error) {
    return BadInput(object, error.what(), "correct JSON");
  }
}

}  // namespace burin::constraint
