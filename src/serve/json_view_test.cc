#include "serve/json_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serve/json_writer.h"

namespace burin {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<JsonDocument> Parse(const std::string& text) {
  auto document = JsonDocument::Parse(text);
  EXPECT_TRUE(document) << document.error().message;
  return std::move(*document);
}

TEST(JsonView, ReadsWhatIsThereAndLeavesTheRest) {
  const auto document =
      Parse(R"({"i": 5, "n": 0.5, "b": true, "s": "x", "null": null, "a": [1, 2]})");
  JsonDocument& d = *document;
  int64_t i = 0, absent = 7;
  double n = 0;
  bool b = false;
  std::string s;
  std::vector<int32_t> ids;
  d["i"].Read(i, 0, 10);
  d["n"].Read(n, 0, 1);
  d["b"].Read(b);
  d["s"].Read(s);
  d["a"].ReadIds(ids, 3);
  d["null"].Read(absent, 0, 1);
  d["none"].Read(absent, 0, 1);
  d["i"]["deep"].Read(absent, 0, 1);
  EXPECT_TRUE(d.Check());
  EXPECT_EQ(i, 5);
  EXPECT_EQ(n, 0.5);
  EXPECT_TRUE(b);
  EXPECT_EQ(s, "x");
  EXPECT_EQ(absent, 7);
  EXPECT_EQ(ids, (std::vector<int32_t>{1, 2}));
  EXPECT_FALSE(d["null"].exists());
}

TEST(JsonView, NamesTheFirstMistake) {
  const auto document = Parse(R"({"m": [{"x": 11}, {"x": "y"}]})");
  int64_t x = 3;
  (*document)["m"][0]["x"].Read(x, 0, 10);
  (*document)["m"][1]["x"].Read(x, 0, 10);
  EXPECT_EQ(x, 3);
  const auto checked = document->Check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().param, "m[0].x");
  EXPECT_THAT(checked.error().message, HasSubstr("11"));
  EXPECT_EQ(checked.error().status, 400);
}

TEST(JsonView, RefusesWrongTypes) {
  for (const char* text : {"1.5", "\"1\"", "true", "[]", "{}", "18446744073709551615", "-1", "11",
                           "1e400", "99999999999999999999"}) {
    auto document = JsonDocument::Parse(std::string("{\"x\": ") + text + "}");
    if (!document) continue;  // no number at all for this parser
    int64_t x = 0;
    (**document)["x"].Read(x, 0, 10);
    EXPECT_FALSE((*document)->Check()) << text;
  }
  const auto document = Parse(R"({"ids": [1, 2.5]})");
  std::vector<int32_t> ids;
  (*document)["ids"].ReadIds(ids, 10);
  EXPECT_EQ(document->Check().error().param, "ids[1]");
}

TEST(JsonDocument, RefusesWhatIsNoObject) {
  for (const char* text : {"", "x", "[1]", "{", "{\"a\":}", "\"text\"", "{\"a\":\"\xFF\"}", "nul",
                           "{\"a\":\"\xC3\"}"}) {
    const auto document = JsonDocument::Parse(text);
    ASSERT_FALSE(document) << text;
    EXPECT_EQ(document.error().status, 400);
    EXPECT_EQ(document.error().type, "invalid_request_error");
  }
  const std::string deep = "{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  EXPECT_THAT(JsonDocument::Parse(deep).error().message, HasSubstr("deep"));
  // Brackets in texts do not count.
  EXPECT_TRUE(JsonDocument::Parse("{\"a\":\"" + std::string(1000, '[') + "\\\"" + "\"}"));
}

TEST(JsonWriter, WritesWhatTheParserReads) {
  JsonWriter json;
  json.BeginObject().Field("text", "a\"b\\c\n\x01\xC3\xA4\xFF").Field("int", -5).Field("num", 0.1);
  json.Field("yes", true).NullField("none").Key("list").BeginArray().Int(1).Int(2);
  json.BeginObject().EndObject().EndArray().Field("size", size_t{3}).EndObject();
  EXPECT_EQ(json.Take(),
            "{\"text\":\"a\\\"b\\\\c\\n\\u0001\xC3\xA4\xEF\xBF\xBD\",\"int\":-5,\"num\":0.1,"
            "\"yes\":true,\"none\":null,\"list\":[1,2,{}],\"size\":3}");
  JsonWriter numbers;
  numbers.BeginArray().Number(1.0 / 0.0).Number(1e300).Number(-0.5).EndArray();
  EXPECT_EQ(numbers.Take(), "[null,1e+300,-0.5]");
}

}  // namespace
}  // namespace burin
