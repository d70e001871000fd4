#include "text/constraint/schema_strings.h"

#include "text/constraint/regex_reader.h"
#include "text/definition.h"

namespace burin::constraint {
namespace {

constexpr size_t kMaxParts = 16;  // patterns and formats of one text

// One character of a JSON string in any of its spellings.
Expr AnyCharacter() {
  const CodePoints raw = CodePoints::All();
  CodePoints special(0, 0x1F);
  special.Add('"', '"');
  special.Add('\\', '\\');
  CodePoints hex('0', '9');
  hex.Add('a', 'f');
  hex.Add('A', 'F');
  CodePoints letters;
  for (const char c : std::string_view("\"\\/bfnrt"))
    letters.Add(static_cast<uint8_t>(c), static_cast<uint8_t>(c));
  const auto set = [](std::string_view characters) {
    CodePoints points;
    for (const char c : characters) points.Add(static_cast<uint8_t>(c), static_cast<uint8_t>(c));
    return Points(points);
  };
  const Expr digit = Points(hex), d = set("dD");
  const Expr not_d = set("0123456789abcefABCEF");
  const Expr plain = Choice(
      {Sequence({not_d, digit, digit, digit}), Sequence({d, set("01234567"), digit, digit})});
  const Expr pair =
      Sequence({d, set("89abAB"), digit, digit, Bytes("\\u"), d, set("cdefCDEF"), digit, digit});
  return Choice({Points(raw.Without(special)), Sequence({Bytes("\\"), Points(letters)}),
                 Sequence({Bytes("\\u"), Choice({plain, pair})})});
}

// What each format allows, as a regular expression; each is a part of what RFC 3339, 4122, 5321
// and 2673 and the ajv-formats package allow.
struct Format {
  const char* name;
  const char* pattern;
};

#define BURIN_DATE                                                                         \
  "(\\d{4}-(0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|\\d{4}-(0[469]|11)-(0[1-9]|[12]\\d|30)" \
  "|\\d{4}-02-(0[1-9]|1\\d|2[0-8])|(\\d\\d(0[48]|[2468][048]|[13579][26])|"                \
  "([02468][048]|[13579][26])00)-02-29)"
#define BURIN_TIME \
  "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)"

constexpr Format kFormats[] = {
    {"date", BURIN_DATE},
    {"time", BURIN_TIME},
    {"date-time", BURIN_DATE "T" BURIN_TIME},
    {"uuid", "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"},
    {"ipv4", "((25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)\\.){3}(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"},
    {"email",
     "[A-Za-z0-9_+-]{1,30}(\\.[A-Za-z0-9_+-]{1,16})?"
     "@([a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?\\.){1,3}[a-z]{2,10}"},
};

Result<Expr> FormatExpression(const Json& format, const std::string& object,
                              const std::string& where) {
  const std::string name = format.is_string() ? format.get<std::string>() : format.dump();
  std::string known;
  for (const Format& entry : kFormats) {
    if (name == entry.name) return ReadRegex(entry.pattern, {.whole = true, .json = true}, object);
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  return SchemaError(object, where + "/format", Quoted(name), known,
                     "Leave it out, or write it as a pattern.");
}

Json AsList(const Json& schema, const char* key) {
  if (!schema.contains(key)) return Json::array();
  return schema[key].is_array() ? schema[key] : Json::array({schema[key]});
}

}  // namespace

Expr AnyString() {
  static const Expr kString =
      Sequence({Bytes("\""), Repeat(AnyCharacter(), 0, kUnlimited), Bytes("\"")});
  return kString;
}

Expr PlainString() {
  return Sequence(
      {Bytes("\""), Repeat(JsonCharacters(CodePoints::All()), 0, kUnlimited), Bytes("\"")});
}

Result<uint32_t> CountOf(const Json& schema, const char* key, uint32_t fallback,
                         const std::string& object, const std::string& where) {
  if (!schema.contains(key)) return fallback;
  const Json& value = schema[key];
  const bool whole = value.is_number_unsigned() ||
                     (value.is_number_float() && value >= 0 && value < 1e9 &&
                      value.get<double>() == static_cast<double>(value.get<int64_t>()));
  if (!whole || value > 1'000'000'000) {
    return SchemaError(object, where + "/" + key, value.dump().substr(0, 40),
                       "a whole number from 0 to 1000000000");
  }
  return value.get<uint32_t>();
}

Result<Expr> StringExpression(const Json& schema, const std::string& object,
                              const std::string& where) {
  BURIN_ASSIGN(const uint32_t min, CountOf(schema, "minLength", 0, object, where));
  BURIN_ASSIGN(const uint32_t max, CountOf(schema, "maxLength", kUnlimited, object, where));
  const bool limited = min > 0 || max != kUnlimited;
  if (max < min) return Nothing();
  std::vector<Expr> parts;
  for (const Json& pattern : AsList(schema, kPatternKey)) {
    if (!pattern.is_string()) {
      return SchemaError(object, where + "/pattern", pattern.type_name(), "a string");
    }
    BURIN_ASSIGN(Expr part, ReadRegex(pattern.get<std::string>(), {.whole = false, .json = true},
                                      object + " at " + where));
    parts.push_back(std::move(part));
  }
  for (const Json& format : AsList(schema, kFormatKey)) {
    BURIN_ASSIGN(Expr part, FormatExpression(format, object, where));
    parts.push_back(std::move(part));
  }
  if (parts.size() > kMaxParts) {
    return SchemaError(object, where,
                       fmt::format("{} patterns and formats of one text", parts.size()),
                       fmt::format("at most {}", kMaxParts));
  }
  if (parts.empty()) {
    if (!limited) return AnyString();
    return Sequence({Bytes("\""), Repeat(AnyCharacter(), min, max), Bytes("\"")});
  }
  if (limited) parts.push_back(Repeat(JsonCharacters(CodePoints::All()), min, max));
  Expr content = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) content = Both(content, parts[i]);
  return Sequence({Bytes("\""), content, Bytes("\"")});
}

}  // namespace burin::constraint
