#include "serve/answer_text.h"

#include <gtest/gtest.h>

#include "serve/test_tokenizer.h"

namespace burin {
namespace {

// All cuts of `text` in two and three pieces give the same.
std::string Matched(const std::vector<std::string>& stops, const std::string& text) {
  StopMatcher whole(stops);
  const std::string expected = whole.Push(text) + whole.Finish();
  for (size_t a = 0; a <= text.size(); ++a) {
    for (size_t b = a; b <= text.size(); ++b) {
      StopMatcher cut(stops);
      std::string got = cut.Push(text.substr(0, a));
      got += cut.Push(text.substr(a, b - a));
      got += cut.Push(text.substr(b));
      got += cut.Finish();
      EXPECT_EQ(got, expected) << a << " " << b;
      EXPECT_EQ(cut.found(), whole.found());
    }
  }
  return expected;
}

TEST(StopMatcher, EndsBeforeTheFirstStop) {
  EXPECT_EQ(Matched({"STOP"}, "one STOP two"), "one ");
  EXPECT_EQ(Matched({"two", "STOP"}, "one STOP two"), "one ");
  EXPECT_EQ(Matched({"STOP"}, "one STO two"), "one STO two");
  EXPECT_EQ(Matched({"aab"}, "aaab"), "a");
  EXPECT_EQ(Matched({"\n\n"}, "a\n b\n\nc"), "a\n b");
  EXPECT_EQ(Matched({}, "abc"), "abc");
}

TEST(StopMatcher, HoldsBackWhatMayBecomeAStop) {
  StopMatcher matcher({"ab", "bcd"});
  EXPECT_EQ(matcher.Push("xb"), "x");
  EXPECT_EQ(matcher.Push("c"), "");
  EXPECT_EQ(matcher.Push("e"), "bce");
  EXPECT_EQ(matcher.Push("a"), "");
  EXPECT_EQ(matcher.Finish(), "a");
  EXPECT_FALSE(matcher.found());
}

TEST(AnswerText, CountsTokensUpToTheStop) {
  const Tokenizer tokenizer = ByteTokenizer();
  AnswerText text(tokenizer, {"cd"}, true);
  AnswerText::Piece piece;
  for (const char c : std::string("abcde")) text.Push({c, 0, {}}, piece);
  text.Finish(piece);
  EXPECT_EQ(piece.text, "ab");
  EXPECT_EQ(text.tokens(), 4);
  EXPECT_EQ(text.stop(), "cd");
  ASSERT_EQ(piece.tokens.size(), 2U);  // those whose text was given out
  EXPECT_EQ(piece.tokens[1].token.id, 'b');
}

TEST(AnswerText, KeepsCharactersWhole) {
  const Tokenizer tokenizer = ByteTokenizer();
  AnswerText text(tokenizer, {}, true);
  std::vector<std::string> pieces;
  for (const char c : std::string("\xC3\xA4x")) {
    AnswerText::Piece piece;
    text.Push({static_cast<unsigned char>(c), 0, {}}, piece);
    pieces.push_back(piece.text);
  }
  EXPECT_EQ(pieces, (std::vector<std::string>{"", "\xC3\xA4", "x"}));
  AnswerText::Piece last;
  text.Push({0xC3, 0, {}}, last);
  text.Finish(last);
  EXPECT_EQ(last.text, "\xEF\xBF\xBD");
  EXPECT_EQ(last.tokens.size(), 1U);
}

}  // namespace
}  // namespace burin
