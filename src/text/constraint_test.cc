// Constraints on small vocabularies. tests/text walks many schemas and lets another implementation
// validate the texts.
#include "text/constraint.h"

#include <gmock/gmock.h>

#include <chrono>

#include "base/philox.h"
#include "text/small_tokenizers.h"
#include "text/test_support.h"

namespace burin {
namespace {

using testing::HasSubstr;

const Tokenizer& Bytewise() {
  static const Tokenizer tokenizer = Unwrap(Tokenizer::FromTokenizerJson(
      ByteLevelJson({"t r", "tr u", "tru e", "\" :", "\" ,", "{ \"", "\" }", "Ġ \"", "Ã ©", "1 2"})
          .dump(),
      "test"));
  return tokenizer;
}

ConstraintVocabulary VocabularyOf(const Tokenizer& tokenizer) {
  return Unwrap(ConstraintVocabulary::Create(tokenizer, {tokenizer.vocab_size() - 1}));
}

const ConstraintVocabulary& Vocabulary() {
  static const ConstraintVocabulary vocabulary = VocabularyOf(Bytewise());
  return vocabulary;
}

bool Takes(const Constraint& constraint, const std::string& text) {
  ConstraintState state = constraint.Start();
  return state.AdvanceText(text) && state.IsComplete();
}

void Expect(const Constraint& constraint, const std::vector<std::string>& good,
            const std::vector<std::string>& bad) {
  for (const std::string& text : good) EXPECT_TRUE(Takes(constraint, text)) << text;
  for (const std::string& text : bad) EXPECT_FALSE(Takes(constraint, text)) << text;
}

void ExpectSchema(const std::string& schema, const std::vector<std::string>& good,
                  const std::vector<std::string>& bad) {
  SCOPED_TRACE(schema);
  Expect(Unwrap(Constraint::FromJsonSchema(schema, Vocabulary())), good, bad);
}

std::string SchemaErrorOf(const std::string& schema) {
  const auto made = Constraint::FromJsonSchema(schema, Vocabulary());
  return made ? "" : made.error().ToString();
}

TEST(Constraint, Choices) {
  const auto made = Unwrap(Constraint::FromChoices({"yes", "yesterday", "né"}, Vocabulary()));
  Expect(made, {"yes", "yesterday", "né"}, {"", "ye", "no", "yesyes"});
  ConstraintState state = made.Start();
  EXPECT_TRUE(state.AdvanceText("yes"));
  EXPECT_TRUE(state.IsComplete());
  EXPECT_FALSE(state.IsFinished());
  EXPECT_TRUE(state.AdvanceText("terday"));
  EXPECT_TRUE(state.IsFinished());
  EXPECT_FALSE(state.AdvanceText("x"));
  EXPECT_TRUE(state.IsFinished());
  EXPECT_FALSE(Constraint::FromChoices({}, Vocabulary()));
}

TEST(Constraint, Regex) {
  const auto regex = [](const std::string& pattern) {
    return Unwrap(Constraint::FromRegex(pattern, Vocabulary()));
  };
  Expect(regex("a(b|cd)*e?"), {"a", "abcdbe", "ae"}, {"", "abc", "aee"});
  Expect(regex("^[^a-y0-9]{2,3}$"), {"zz", "zé日"}, {"z", "za", "zzzz"});
  Expect(regex("\\d+\\.\\d{2}"), {"3.14"}, {"3.1", ".14"});
  Expect(regex("x.y"), {"xéy", "x\xF0\x9F\x98\x80y"}, {"x\ny", "xy"});
  Expect(regex("[\\w-]+|\\u00e9"), {"a-b", "é"}, {"è"});
  for (const char* pattern : {"(?=a)b", "(a)\\1", "\\bx", "a**", "(", ")", "[", "a{3,2}", "\\p{L}",
                              "a^b", "a$b", "x{", "\\", "[z-a]", "(?i)a"}) {
    EXPECT_FALSE(Constraint::FromRegex(pattern, Vocabulary())) << pattern;
  }
}

TEST(Constraint, Grammar) {
  const auto made = Unwrap(
      Constraint::FromGrammar("root ::= expr \"=\" ws num # an equation\n"
                              "expr ::= term ([-+*/] term)*\n"
                              "term ::= num | \"(\" expr \")\" |\n   ident\nident ::= [a-z]{1,3}\n"
                              "num ::= [0-9]+\nws ::= \" \"?\n",
                              Vocabulary()));
  Expect(made, {"1+2*(ab-3)= 4", "x=1"}, {"1+", "(1=2", "abcd=1"});
  EXPECT_THAT(
      Constraint::FromGrammar("root ::= root \"a\" | \"b\"", Vocabulary()).error().ToString(),
      HasSubstr("'root' calls itself"));
  EXPECT_THAT(Constraint::FromGrammar("root ::= x", Vocabulary()).error().ToString(),
              HasSubstr("'x' is used"));
  EXPECT_THAT(Constraint::FromGrammar("root ::= \"a\"\n)", Vocabulary()).error().ToString(),
              HasSubstr("line 2"));
  EXPECT_FALSE(Constraint::FromGrammar("root ::= \"a\" root", Vocabulary()));  // never ends
}

TEST(Constraint, SchemaObjects) {
  ExpectSchema(
      R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"boolean"},
                   "c":{"type":"null"}},"required":["b"]})",
      {R"({"a":1,"b":true})", R"({"b":false})", "{ \"b\": true,\n  \"c\": null }"},
      {"{}", R"({"a":1})", R"({"b":true,"a":1})", R"({"b":true,"d":1})", R"({"b":true,})"});
  ExpectSchema(R"({"type":"object","properties":{"a":{"type":"integer"}},
                   "additionalProperties":{"type":"string"}})",
               {"{}", R"({"a":1,"x":"y","é\n":""})", R"({"x":""})"},
               {R"({"a":"x"})", R"({"x":1})", R"({"\u0061":"x"})"});
  ExpectSchema(R"({"type":"object","required":["k"]})", {R"({"k":[1,{"x":null}]})"}, {"{}"});
}

TEST(Constraint, SchemaValues) {
  ExpectSchema(R"({"enum":["a\"b",1,null,{"x":[1,2]}]})",
               {R"("a\"b")", "1", "null", R"({"x": [1, 2]})", R"({"x":[1,2]})"}, {"2", R"("a")"});
  ExpectSchema(R"({"const":"é"})", {"\"é\""}, {"\"e\""});
  ExpectSchema(R"({"type":["string","null"],"maxLength":2})",
               {R"("")", R"("éé")", R"("\ud83d\ude00x")", "null"},
               {R"("abc")", "1", R"("\ud83d")"});
  ExpectSchema(R"({"type":"string","minLength":2,"pattern":"^[ab]*c"})", {R"("abcx")", R"("c\"")"},
               {R"("c")", R"("xc")"});
  ExpectSchema(R"({"anyOf":[{"type":"integer"},{"type":"array","items":{"$ref":"#"}}]})",
               {"1", "[]", "[1,[2, []]]"}, {"[1,]", "\"x\"", "[[]"});
  ExpectSchema(
      R"({"type":"array","prefixItems":[{"const":1},{"const":2}],"minItems":1,"items":false})",
      {"[1]", "[1,2]"}, {"[]", "[2]", "[1,2,3]"});
  ExpectSchema(R"({"type":"array","items":{"type":"boolean"},"minItems":2,"maxItems":3})",
               {"[true,false]", "[true, true, true]"}, {"[true]", "[true,true,true,true]"});
  ExpectSchema("true", {"{}", "[1]", "\"x\"", "-1.5e3", "null"}, {"", "tru", "01", "1."});
}

TEST(Constraint, SchemaNumbers) {
  ExpectSchema(R"({"type":"integer","minimum":-5,"maximum":120})",
               {"0", "-5", "120", "99", "-1", "100"}, {"-6", "121", "1.0", "05", "-12", "1000"});
  ExpectSchema(R"({"type":"integer","exclusiveMinimum":9,"maximum":9223372036854775807})",
               {"10", "99", "123456789012345"}, {"9", "0", "-10"});
  ExpectSchema(R"({"type":"number","minimum":0.5,"exclusiveMaximum":10})",
               {"0.5", "0.50", "0.51", "9.999", "1", "9"},
               {"0.4", "0.499", "0", "10", "10.0", "-1", "1e0"});
  ExpectSchema(R"({"type":"number","exclusiveMinimum":-1.25,"maximum":-0.5})",
               {"-1.2", "-0.5", "-1", "-1.249"}, {"-1.25", "-1.250", "-0.4", "0", "-2"});
  ExpectSchema(R"({"type":"number","exclusiveMaximum":0})", {"-0.1", "-7"},
               {"0", "-0", "-0.0", "1"});
  ExpectSchema(R"({"type":"number","minimum":1e-7})", {"0.0000001", "1"}, {"0", "0.00000009"});
}

TEST(Constraint, SchemaFormats) {
  ExpectSchema(R"({"type":"string","format":"date"})",
               {R"("2024-02-29")", R"("1999-12-31")", R"("2000-02-29")"},
               {R"("2023-02-29")", R"("1900-02-29")", R"("2024-04-31")", R"("2024-13-01")"});
  ExpectSchema(R"({"type":"string","format":"date-time"})",
               {R"("2024-02-29T23:59:59Z")", R"("2024-02-29T00:00:00.5+01:30")"},
               {R"("2024-02-29")"});
  ExpectSchema(R"({"type":"string","format":"uuid"})",
               {R"("123e4567-e89b-12d3-a456-426614174000")"}, {R"("123e4567")"});
}

TEST(Constraint, SchemaJoins) {
  ExpectSchema(
      R"({"allOf":[{"type":"object","properties":{"a":{"type":"number","minimum":1}},"required":["a"]},
                   {"properties":{"a":{"type":"integer","maximum":3},"b":{"type":"null"}}}]})",
      {R"({"a":1})", R"({"a":3,"b":null})"}, {R"({"a":4})", R"({"a":1.5})", R"({"b":null})"});
  ExpectSchema(R"({"$defs":{"n":{"type":"object","properties":{"v":{"type":"integer"},
                   "next":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}},"required":["v","next"],
                   "additionalProperties":false}},"$ref":"#/$defs/n","description":"a list"})",
               {R"({"v":1,"next":{"v":2,"next":null}})"}, {R"({"v":1})", R"({"v":1,"next":1})"});
  ExpectSchema(R"({"oneOf":[{"type":"object","properties":{"k":{"const":"a"}},"required":["k"]},
                   {"type":"object","properties":{"k":{"const":"b"},"x":{"type":"integer"}},"required":["k"]}]})",
               {R"({"k":"a"})", R"({"k":"b","x":1})"}, {R"({"k":"a","x":1})"});
}

TEST(Constraint, WhatIsNotSupportedIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"not":{}})", "'not'"},
      {R"({"type":"object","properties":{"a":{"patternProperties":{}}}})", "'patternProperties'"},
      {R"({"if":{}})", "'if'"},
      {R"({"type":"array","uniqueItems":true})", "uniqueItems"},
      {R"({"type":"string","format":"hostname2"})", "hostname2"},
      {R"({"type":"integer","multipleOf":3})", "multipleOf"},
      {R"({"oneOf":[{"type":"integer"},{"type":"number"}]})", "oneOf"},
      {R"({"$ref":"http://x/y"})", "other documents"},
      {R"({"$ref":"#/$defs/none"})", "none"},
      {R"({"$ref":"#"})", "no text at all"},
      {R"({"type":"strin"})", "/type"},
      {R"({"type":"string","minLength":-1})", "minLength"},
      {R"~({"type":"string","pattern":"(?=x)"})~", "look-around"},
      {R"({"enum":[]})", "no text at all"},
      {R"({"type":"string","minLength":3,"maxLength":2})", "no text at all"},
      {"[1", "parse"},
      {"3", "object or a boolean"},
      {R"({"properties":[]})", "properties"},
      {R"({"allOf":[{"$ref":"#"}]})", "do not end"}};
  for (const auto& [schema, part] : cases)
    EXPECT_THAT(SchemaErrorOf(schema), HasSubstr(part)) << schema;
}

TEST(Constraint, BombsAreRefusedSoon) {
  std::string deep;
  for (int i = 0; i < 3000; ++i) deep += "{\"items\":";
  std::string product = "{\"type\":\"string\",\"pattern\":[";
  for (const char* prime : {"2", "3", "5", "7", "11", "13", "17", "19"}) {
    product += std::string("\"^(a{") + prime + "})*$\",";
  }
  product.back() = ']';
  const std::string schemas[] = {
      deep,
      R"({"type":"string","maxLength":1000000000})",
      R"({"type":"string","pattern":"(a|b)*a(a|b){30}"})",
      R"~({"type":"string","pattern":"((((x{1000}){1000}){1000}){1000})"})~",
      R"({"type":"array","minItems":100000000})",
      product + "}",
      R"({"$defs":{"a":{"allOf":[{"$ref":"#/$defs/b"},{"$ref":"#/$defs/b"}]},
          "b":{"allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"})"};
  for (const std::string& schema : schemas) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_NE(SchemaErrorOf(schema), "") << schema.substr(0, 100);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
  }
}

// In random states of random walks: the mask holds exactly the tokens that Advance takes, at least
// one of them, and the text at the end is in the language when it is given as a whole.
void CheckWalks(const Constraint& constraint, const Tokenizer& tokenizer, uint64_t seed,
                int walks) {
  uint64_t counter = 0;
  const auto draw = [&](size_t limit) { return Philox(seed, 1, counter++)[0] % limit; };
  const int32_t end = tokenizer.vocab_size() - 1;
  std::vector<uint64_t> mask((static_cast<size_t>(tokenizer.vocab_size()) + 63) / 64);
  for (int walk = 0; walk < walks; ++walk) {
    ConstraintState state = constraint.Start();
    std::string text;
    for (int length = 0; length < 80 && !state.IsFinished(); ++length) {
      state.AllowedMask(mask);
      std::vector<int32_t> allowed;
      for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
        if ((mask[static_cast<size_t>(id) / 64] >> (id % 64)) & 1) allowed.push_back(id);
        if (walk == 0) {
          ASSERT_EQ(state.Allows(id), !allowed.empty() && allowed.back() == id)
              << text << " " << id;
        }
      }
      ASSERT_FALSE(allowed.empty()) << text;
      ASSERT_EQ(allowed.back() == end, state.IsComplete());
      const int32_t id = allowed[draw(allowed.size())];
      ASSERT_TRUE(state.Advance(id));
      if (id == end) break;
      text += tokenizer.TokenText(id);
    }
    if (state.IsComplete()) {
      EXPECT_TRUE(Takes(constraint, text)) << text;
    }
  }
}

constexpr const char* kWalkSchemas[] = {
    R"({"type":"object","properties":{"name":{"type":"string","maxLength":5},"n":{"type":"integer","minimum":3},
        "tags":{"type":"array","items":{"enum":["a","ab","é"]},"maxItems":3}},"required":["name"]})",
    R"({"type":"object"})",
    R"({"anyOf":[{"type":"string","pattern":"^(true)*$"},{"const":true},{"type":"array","items":{"$ref":"#"}}]})",
    R"({"type":"string","format":"date-time"})",
    R"({"type":"string","minLength":9,"maxLength":24})",
    "true"};

TEST(Constraint, MasksAreExactAndNeverEmpty) {
  for (const char* schema : kWalkSchemas) {
    SCOPED_TRACE(schema);
    CheckWalks(Unwrap(Constraint::FromJsonSchema(schema, Vocabulary())), Bytewise(), 7, 12);
  }
  CheckWalks(Unwrap(Constraint::FromRegex("((tr|ue){8,30}12){2}", Vocabulary())), Bytewise(), 5,
             12);
  CheckWalks(Unwrap(Constraint::FromGrammar(
                 "root ::= a | b\na ::= \"t\" a \"r\" | \"\"\nb ::= [t-u]* (\"r\" | \"u\"){2,5} ",
                 Vocabulary())),
             Bytewise(), 3, 12);
}

TEST(Constraint, SentencePieceVocabulary) {
  auto json = SentencePieceJson();
  const Tokenizer tokenizer = Unwrap(Tokenizer::FromTokenizerJson(json.dump(), "test"));
  const auto vocabulary = Unwrap(ConstraintVocabulary::Create(tokenizer, {2}));
  const auto made = Unwrap(Constraint::FromRegex("(ab|a b|é)+", vocabulary));
  ConstraintState state = made.Start();
  std::vector<uint64_t> mask(5);
  state.AllowedMask(mask);
  const auto allowed = [&](int32_t id) {
    return (mask[static_cast<size_t>(id) / 64] >> (id % 64)) & 1;
  };
  EXPECT_TRUE(allowed(3 + 0xC3));  // the first byte of é
  EXPECT_TRUE(allowed(*tokenizer.TokenId("ab")));
  EXPECT_FALSE(allowed(*tokenizer.TokenId("▁ab")));
  EXPECT_FALSE(allowed(2));
  EXPECT_FALSE(allowed(0));
  EXPECT_TRUE(state.Advance(3 + 0xC3));
  EXPECT_FALSE(state.Advance(*tokenizer.TokenId("ab")));
  EXPECT_TRUE(state.Advance(3 + 0xA9));
  EXPECT_TRUE(state.Advance(2));
  EXPECT_FALSE(state.Advance(2));
  state.AllowedMask(mask);
  EXPECT_THAT(mask, testing::Each(0));
}

TEST(Constraint, BytesWithoutTokenAreLeftOut) {
  VocabularySpec spec;
  spec.model = "gpt2";
  for (const char* piece : {"a", "b", "ab", "<end>"}) {
    spec.tokens.emplace_back(piece);
    spec.token_types.push_back(spec.tokens.size() == 4 ? 3 : 1);
  }
  spec.eos_id = 3;
  const Tokenizer tokenizer = Unwrap(Tokenizer::FromVocabulary(spec, "test"));
  const auto vocabulary = Unwrap(ConstraintVocabulary::Create(tokenizer, {3}));
  Expect(Unwrap(Constraint::FromRegex("[a-z]{2}", vocabulary)), {"ab", "ba"}, {"ac"});
  EXPECT_FALSE(Constraint::FromRegex("[c-z]", vocabulary));
}

TEST(Constraint, DeepTextsEnd) {
  const auto made = Unwrap(Constraint::FromJsonSchema("true", Vocabulary()));
  ConstraintState state = made.Start();
  int depth = 0;
  while (state.AdvanceText("[{\"a\":")) ++depth;
  EXPECT_GT(depth, 100);
  std::vector<uint64_t> mask(5);
  state.AllowedMask(mask);
  EXPECT_THAT(mask, testing::Contains(testing::Ne(0u)));
  ASSERT_TRUE(state.AdvanceText("1"));
  for (; depth > 0; --depth) ASSERT_TRUE(state.AdvanceText("}]"));
  EXPECT_TRUE(state.IsComplete());
}

TEST(Constraint, StatesAreCopies) {
  const auto made = Unwrap(Constraint::JsonObject(Vocabulary()));
  ConstraintState state = made.Start();
  ASSERT_TRUE(state.AdvanceText("{\"a\":"));
  ConstraintState copy = state;
  EXPECT_TRUE(copy.AdvanceText("1}"));
  EXPECT_TRUE(copy.IsFinished());
  EXPECT_FALSE(state.IsComplete());
  EXPECT_TRUE(state.AdvanceText("{}}"));
}

}  // namespace
}  // namespace burin
