// The parts below the tokenizer: UTF-8, patterns, pre-tokenizer steps, normalizers.
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/test_support.h"
#include "text/utf8.h"

namespace burin {
namespace {

using Words = std::vector<std::string>;
using Step = PreTokenizerStep;

Words Split(const std::vector<Step>& steps, std::string_view text) {
  const PreTokenizer pre_tokenizer = Unwrap(PreTokenizer::Build(steps, "test"));
  PreTokenizer::Scratch scratch = pre_tokenizer.MakeScratch();
  Words words;
  pre_tokenizer.Split(text, /*at_start=*/true, scratch,
                      [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

Step RegexStep(const char* pattern, Step::Behavior behavior = Step::Behavior::kIsolated,
               bool invert = false) {
  return {.kind = Step::Kind::kRegex, .text = pattern, .behavior = behavior, .invert = invert};
}

TEST(Utf8, TellsCharactersFromWrongAndIncompleteOnes) {
  using Kind = Utf8Step::Kind;
  const auto kind = [](std::string_view text) { return NextUtf8(text, 0).kind; };
  EXPECT_EQ(NextUtf8("é", 0).code, 0xE9u);
  EXPECT_EQ(NextUtf8("🦙", 0).code, 0x1F999u);
  EXPECT_EQ(kind("\xF0\x9F\xA6"), Kind::kIncomplete);
  for (const char* wrong : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80",
                            "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5", "\xFF", "\xC3("}) {
    EXPECT_EQ(kind(wrong), Kind::kInvalid) << wrong;
    EXPECT_FALSE(IsValidUtf8(wrong));
  }
  EXPECT_EQ(NextUtf8("\xF0\x9F(", 0).length, 2);
  EXPECT_TRUE(IsValidUtf8("plain, é 日本 🦙 and a long tail of ASCII"));
}

TEST(Utf8, RoundTripsEveryScalarValue) {
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    AppendUtf8(text, code);
    const Utf8Step step = NextUtf8(text, 0);
    ASSERT_EQ(step.code, code);
    ASSERT_EQ(step.length, text.size());
  }
}

// \s, \S and \w by Unicode: White_Space, and letters, marks, decimal digits, connectors.
TEST(Regex, EscapesMeanWhatOnigurumaMeans) {
  const auto matches = [](const char* pattern, char32_t code) {
    const Regex regex = Unwrap(Regex::Compile(pattern, "test"));
    std::string text;
    AppendUtf8(text, code);
    PatternMatch match;
    return Regex::Searcher(regex).Find(text, 0, &match);
  };
  for (const char32_t space :
       {0x09, 0x0B, 0x0D, 0x20, 0x85, 0xA0, 0x1680, 0x2000, 0x2028, 0x202F, 0x205F, 0x3000}) {
    EXPECT_TRUE(matches(R"(\s)", space)) << static_cast<uint32_t>(space);
    EXPECT_TRUE(matches(R"([\s])", space));
    EXPECT_FALSE(matches(R"(\S)", space));
    EXPECT_FALSE(matches(R"([^\s])", space));
    EXPECT_FALSE(matches(R"([\Sx])", space));
  }
  for (const char32_t other : {0x08, 0x1C, 0x180E, 0x200B, 0x2060, 0xFEFF, 0x41, 0x10FFFF}) {
    EXPECT_FALSE(matches(R"(\s)", other)) << static_cast<uint32_t>(other);
    EXPECT_TRUE(matches(R"(\S)", other));
    EXPECT_TRUE(matches(R"([^\s])", other));
  }
  for (const char32_t word : {0x41, 0x5F, 0x301, 0x660, 0x203F})
    EXPECT_TRUE(matches(R"(\w)", word));
  EXPECT_TRUE(matches(R"(\W)", 0xBD));  // one half: a number, not a decimal digit
}

TEST(PreTokenizer, SplitsAsEachBehaviorSays) {
  using Behavior = Step::Behavior;
  const auto split = [](Behavior behavior, bool invert = false) {
    return Split({RegexStep("-", behavior, invert)}, "a--b-c");
  };
  EXPECT_EQ(split(Behavior::kIsolated), (Words{"a", "-", "-", "b", "-", "c"}));
  EXPECT_EQ(split(Behavior::kRemoved), (Words{"a", "b", "c"}));
  EXPECT_EQ(split(Behavior::kMergedPrevious), (Words{"a-", "-", "b-", "c"}));
  EXPECT_EQ(split(Behavior::kMergedNext), (Words{"a", "-", "-b", "-c"}));
  EXPECT_EQ(split(Behavior::kContiguous), (Words{"a", "--", "b", "-", "c"}));
  EXPECT_EQ(split(Behavior::kRemoved, /*invert=*/true), (Words{"-", "-", "-"}));
  EXPECT_EQ(Split({RegexStep("(?=b)")}, "aabab"), (Words{"aa", "ba", "b"}));
  EXPECT_EQ(Split({{.kind = Step::Kind::kLiteral, .text = "--"}}, "a--b-c"),
            (Words{"a", "--", "b-c"}));
}

TEST(PreTokenizer, SplitsDigitsAndSpaces) {
  const Step single{.kind = Step::Kind::kDigits, .text = {}, .individual = true};
  EXPECT_EQ(Split({single}, "ab12½c"), (Words{"ab", "1", "2", "½", "c"}));
  const Step run{.kind = Step::Kind::kDigits, .text = {}};
  EXPECT_EQ(Split({run}, "ab12½c"), (Words{"ab", "12½", "c"}));
  Step meta{.kind = Step::Kind::kMetaspace, .text = "_", .split = true};
  meta.prepend = Step::Prepend::kAlways;
  EXPECT_EQ(Split({meta}, "a b  c"), (Words{"_a", "_b", "_", "_c"}));
  EXPECT_EQ(Split({{.kind = Step::Kind::kPrefixSpace, .text = {}}}, "a"), (Words{" a"}));
}

TEST(PreTokenizer, WrongBytesAreWordsOfTheirOwn) {
  EXPECT_EQ(Split({RegexStep(R"(\p{L}+| +)")},
                  "ab\xFF\xFE"
                  "cd e"),
            (Words{"ab", "\xFF\xFE", "cd", " ", "e"}));
}

TEST(Normalizer, TakesNormalFormsAroundWrongBytes) {
  using Kind = NormalizerStep::Kind;
  const auto normalize = [](Kind kind, std::string text) {
    return Normalize({{kind, {}, {}}}, std::move(text));
  };
  EXPECT_EQ(normalize(Kind::kNfc,
                      "e\xCC\x81\xFF"
                      "e\xCC\x81"),
            "é\xFF"
            "é");
  EXPECT_EQ(normalize(Kind::kNfd, "é"), "e\xCC\x81");
  EXPECT_EQ(normalize(Kind::kNfkc, "ﬁ①"), "fi1");
  EXPECT_EQ(normalize(Kind::kTrimSpaces, "  a   b "), "a b");
  EXPECT_EQ(Normalize({{Kind::kPrepend, {}, "_"}, {Kind::kReplace, " ", "_"}}, "a b"), "_a_b");
  EXPECT_EQ(Normalize({{Kind::kPrepend, {}, "_"}}, ""), "");
}

}  // namespace
}  // namespace burin
