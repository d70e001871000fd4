// Tokenizers made in the test: what they encode to, what comes back, and how long extremes take.
#include "text/tokenizer.h"

#include <chrono>
#include <random>
#include <thread>

#include "text/small_tokenizers.h"
#include "text/test_support.h"

namespace burin {
namespace {

using Ids = std::vector<int32_t>;

Tokenizer Make(const nlohmann::json& json) {
  return Unwrap(Tokenizer::FromTokenizerJson(json.dump(), "test.json"));
}

// Pieces from id 256: "he", "ll", "hell", "hello", " t", "th", "aa", "aaaa"; <|begin|> is 264.
Tokenizer ByteLevel() {
  return Make(ByteLevelJson({"h e", "l l", "he ll", "hell o", "Ġ t", "t h", "a a", "aa aa"}));
}

std::string RandomText(std::mt19937& random, size_t max_length, bool valid) {
  constexpr std::string_view kParts[] = {"a",        "hello",   " ",    "  ", "\n",
                                         "é",        "日本",    "🦙", "12", "'ll",
                                         "\xCC\x81", "<|end|>", "th",   "\t", "!?"};
  std::string text;
  const size_t length = random() % max_length;
  while (text.size() < length) {
    if (valid || random() % 3 != 0) {
      text += kParts[random() % std::size(kParts)];
    } else {
      text += static_cast<char>(random() % 256);
    }
  }
  return text;
}

TEST(Tokenizer, MergesByRankThenFromTheLeft) {
  const Tokenizer tokenizer = ByteLevel();
  EXPECT_EQ(tokenizer.Encode("hello", {.add_special = false}), Ids{259});
  EXPECT_EQ(tokenizer.Encode("aaa", {.add_special = false}), (Ids{262, 'a'}));
  EXPECT_EQ(tokenizer.Encode("aaaaa", {.add_special = false}), (Ids{263, 'a'}));
  // " t" comes before "th".
  EXPECT_EQ(tokenizer.Encode("x th", {.add_special = false}), (Ids{'x', 260, 'h'}));
}

TEST(Tokenizer, PutsTheTemplateAroundAndFindsSpecialTokens) {
  const Tokenizer tokenizer = ByteLevel();
  EXPECT_EQ(tokenizer.Encode(""), Ids{264});
  EXPECT_EQ(tokenizer.Encode("a<|end|>b"), (Ids{264, 'a', 265, 'b'}));
  const Ids plain = tokenizer.Encode("<|end|>", {.add_special = false, .parse_special = false});
  EXPECT_EQ(plain.size(), 7u);
  EXPECT_EQ(tokenizer.Decode(plain), "<|end|>");
  EXPECT_EQ(tokenizer.Decode(Ids{264, 'a', 265}), "a");
  EXPECT_EQ(tokenizer.Decode(Ids{264, 'a', 265}, /*skip_special=*/false), "<|begin|>a<|end|>");
}

TEST(Tokenizer, AnswersQuestionsAboutIds) {
  const Tokenizer tokenizer = ByteLevel();
  EXPECT_EQ(tokenizer.vocab_size(), 266);
  EXPECT_EQ(tokenizer.Piece(260), " t");
  EXPECT_EQ(tokenizer.TokenText(259), "hello");
  EXPECT_EQ(tokenizer.TokenId("<|end|>"), 265);
  EXPECT_EQ(tokenizer.TokenId("nothing"), std::nullopt);
  EXPECT_TRUE(tokenizer.IsSpecial(264));
  for (const int32_t id : {-1, 266, INT32_MAX, INT32_MIN}) {
    EXPECT_EQ(tokenizer.Piece(id), "");
    EXPECT_EQ(tokenizer.TokenText(id), "");
    EXPECT_FALSE(tokenizer.IsSpecial(id));
  }
  EXPECT_EQ(tokenizer.Decode(Ids{-1, 'a', 99999}), "a");
  EXPECT_EQ(tokenizer.bos_id(), 264);
  EXPECT_EQ(tokenizer.bos_text(), "<|begin|>");
}

TEST(Tokenizer, WholeWordsGoFirstWithIgnoreMerges) {
  nlohmann::json json = ByteLevelJson({"h e", "l l"});
  json["model"]["vocab"]["held"] = 260;
  json["added_tokens"] =
      nlohmann::json::array({AddedTokenJson(258, "<|begin|>"), AddedTokenJson(259, "<|end|>")});
  EXPECT_EQ(Make(json).Encode("held", {.add_special = false}), (Ids{256, 'l', 'd'}));
  json["model"]["ignore_merges"] = true;
  EXPECT_EQ(Make(json).Encode("held", {.add_special = false}), (Ids{260}));
}

TEST(Tokenizer, AddedTokensTakeWhiteSpaceAndStandAlone) {
  nlohmann::json json = ByteLevelJson({});
  json["added_tokens"][1]["lstrip"] = true;
  json["added_tokens"][1]["rstrip"] = true;
  nlohmann::json word = AddedTokenJson(258, "cat");
  word["single_word"] = true;
  word["special"] = false;
  json["added_tokens"].push_back(word);
  const Tokenizer tokenizer = Make(json);
  const EncodeOptions bare{.add_special = false};
  EXPECT_EQ(tokenizer.Encode("a \u3000<|end|> \nb", bare), (Ids{'a', 257, 'b'}));
  EXPECT_EQ(tokenizer.Encode("cat", bare), Ids{258});
  EXPECT_EQ(tokenizer.Encode("cats", bare).size(), 4u);
  EXPECT_EQ(tokenizer.Encode("écat", bare).size(), 5u);
  EXPECT_EQ(tokenizer.Encode("(cat)", bare), (Ids{'(', 258, ')'}));
  EXPECT_EQ(tokenizer.Encode("cat", {.add_special = false, .parse_special = false}), Ids{258});
}

TEST(Tokenizer, TakesTheLongestAddedToken) {
  nlohmann::json json = ByteLevelJson({});
  json["added_tokens"].push_back(AddedTokenJson(258, "<|end|>!"));
  const Tokenizer tokenizer = Make(json);
  EXPECT_EQ(tokenizer.Encode("<|end|>!<|end|>?", {.add_special = false}), (Ids{258, 257, '?'}));
}

TEST(Tokenizer, ByteLevelRoundTripsAnyBytes) {
  const Tokenizer tokenizer = ByteLevel();
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = RandomText(random, 60, i % 2 == 0);
    for (const bool parse_special : {true, false}) {
      const Ids ids =
          tokenizer.Encode(text, {.add_special = false, .parse_special = parse_special});
      EXPECT_EQ(tokenizer.Decode(ids, /*skip_special=*/false), text);
      EXPECT_LE(ids.size(), text.size());
    }
  }
}

TEST(Tokenizer, SentencePieceUsesSpacesBytesAndMerges) {
  const Tokenizer tokenizer = Make(SentencePieceJson());
  EXPECT_EQ(tokenizer.Encode("ab a"), (Ids{1, 264, 262}));
  EXPECT_EQ(tokenizer.Encode(""), Ids{1});
  EXPECT_EQ(tokenizer.Encode("é", {.add_special = false}), (Ids{259, 3 + 0xC3, 3 + 0xA9}));
  EXPECT_EQ(tokenizer.Encode("\xFF", {.add_special = false}), (Ids{259, 3 + 0xFF}));
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("ab a\n é")), "ab a\n é");
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("  b")), "  b");
  EXPECT_EQ(tokenizer.Decode(Ids{1, 264}, /*skip_special=*/false), "<s> ab");
  EXPECT_EQ(tokenizer.TokenText(262), " a");
  EXPECT_EQ(tokenizer.Piece(262), "▁a");
}

TEST(Tokenizer, SentencePieceRoundTripsAnyBytes) {
  const Tokenizer tokenizer = Make(SentencePieceJson());
  std::mt19937 random(2);
  for (int i = 0; i < 1000; ++i) {
    const std::string text = RandomText(random, 60, i % 2 == 0);
    EXPECT_EQ(tokenizer.Decode(tokenizer.Encode(text), /*skip_special=*/true), text);
  }
}

TEST(Tokenizer, MetaspacePutsOneSignAtTheStart) {
  nlohmann::json json = SentencePieceJson();
  json["normalizer"] = nullptr;
  json["pre_tokenizer"] = {
      {"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "first"}, {"split", false}};
  json["decoder"] = json["pre_tokenizer"];
  const Tokenizer tokenizer = Make(json);
  EXPECT_EQ(tokenizer.Encode("ab</s>ab", {.add_special = false}), (Ids{264, 2, 263}));
  EXPECT_EQ(tokenizer.Encode(" a", {.add_special = false}), Ids{262});
  json["pre_tokenizer"]["prepend_scheme"] = "always";
  EXPECT_EQ(Make(json).Encode("ab</s>ab", {.add_special = false}), (Ids{264, 2, 264}));
  EXPECT_EQ(Make(json).Decode(Ids{264, 264}), "ab ab");
}

TEST(Tokenizer, UnknownCharactersFuse) {
  nlohmann::json json = SentencePieceJson();
  json["model"]["byte_fallback"] = false;
  EXPECT_EQ(Make(json).Encode("xyza", {.add_special = false}), (Ids{259, 0, 260}));
  json["model"]["fuse_unk"] = false;
  EXPECT_EQ(Make(json).Encode("xyza", {.add_special = false}), (Ids{259, 0, 0, 0, 260}));
}

TEST(Tokenizer, ReadsAVocabularyWithScores) {
  VocabularySpec spec{.model = "llama",
                      .tokens = {"<unk>", "<s>", "</s>", "▁", "a", "b", "ab", "▁a", "▁ab"},
                      .scores = {0, 0, 0, -9, -9, -9, -1, -2, -3},
                      .token_types = {2, 3, 3, 1, 1, 1, 1, 1, 1}};
  spec.unk_id = 0;
  spec.bos_id = 1;
  spec.eos_id = 2;
  const Tokenizer tokenizer = Unwrap(Tokenizer::FromVocabulary(spec, "test.gguf"));
  EXPECT_EQ(tokenizer.Encode("ab aab"), (Ids{1, 8, 7, 6}));
  EXPECT_EQ(tokenizer.eos_ids(), Ids{2});
  spec.add_bos = false;
  spec.add_eos = true;
  EXPECT_EQ(Unwrap(Tokenizer::FromVocabulary(spec, "t")).Encode("ab"), (Ids{8, 2}));
  spec.add_space_prefix = false;
  EXPECT_EQ(Unwrap(Tokenizer::FromVocabulary(spec, "t")).Encode("ab"), (Ids{6, 2}));
}

// One letter a million times is one word for the pattern: merging must not be quadratic.
TEST(Tokenizer, LongWordsTakeLinearithmicTime) {
  const Tokenizer byte_level = ByteLevel(), sentence_piece = Make(SentencePieceJson());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(byte_level.Encode(std::string(1 << 20, 'a')).size(), 1u + (1 << 18));
  EXPECT_EQ(byte_level.Encode(std::string(1 << 20, ' ')).size(), 1u + (1 << 20));
  std::string pairs;
  for (int i = 0; i < 1 << 19; ++i) pairs += "ab";
  EXPECT_EQ(sentence_piece.Encode(pairs).size(), 1u + (1 << 19));
  // Quadratic merging would take hours; the bound leaves room for sanitizers and busy machines.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

TEST(Tokenizer, CutsWordsAboveTheBound) {
  const Tokenizer tokenizer = ByteLevel();
  const std::string text(size_t{9} << 20, 'b');
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode(text)), text);
}

TEST(Tokenizer, SerializedFormEncodesAlike) {
  std::mt19937 random(3);
  for (const nlohmann::json& json : {ByteLevelJson({"h e", "l l", "t h"}), SentencePieceJson()}) {
    const Tokenizer tokenizer = Make(json);
    const std::vector<std::byte> bytes = tokenizer.Serialize();
    EXPECT_EQ(Make(json).Serialize(), bytes);
    const Tokenizer again = Unwrap(Tokenizer::Deserialize(bytes, "test"));
    EXPECT_EQ(again.Serialize(), bytes);
    for (int i = 0; i < 300; ++i) {
      const std::string text = RandomText(random, 80, i % 2 == 0);
      EXPECT_EQ(again.Encode(text), tokenizer.Encode(text));
      EXPECT_EQ(again.Decode(again.Encode(text)), tokenizer.Decode(tokenizer.Encode(text)));
    }
  }
}

TEST(Tokenizer, EncodesFromManyThreads) {
  const Tokenizer tokenizer = ByteLevel();
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "hello the aaaa ";
  const Ids expected = tokenizer.Encode(text);
  std::vector<std::thread> threads;
  std::vector<int> equal(4, 0);
  for (size_t i = 0; i < equal.size(); ++i) {
    threads.emplace_back([&, i] { equal[i] = tokenizer.Encode(text) == expected; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(equal, std::vector<int>(4, 1));
}

// The text that a stream of `ids` gives, pushed one by one.
std::string Stream(const Tokenizer& tokenizer, const Ids& ids, bool skip_special,
                   bool continuation = false) {
  StreamDecoder decoder(tokenizer, skip_special, continuation);
  std::string text;
  for (const int32_t id : ids) {
    const std::string part = decoder.Push(id);
    EXPECT_TRUE(IsValidUtf8(part));
    text += part;
  }
  return text + decoder.Finish();
}

TEST(StreamDecoder, JoinsToDecodeForValidText) {
  std::mt19937 random(4);
  for (const Tokenizer& tokenizer : {ByteLevel(), Make(SentencePieceJson())}) {
    for (int i = 0; i < 500; ++i) {
      const Ids ids = tokenizer.Encode(RandomText(random, 60, /*valid=*/true));
      for (const bool skip : {true, false}) {
        EXPECT_EQ(Stream(tokenizer, ids, skip), tokenizer.Decode(ids, skip));
      }
    }
  }
}

TEST(StreamDecoder, HoldsBackCutCharactersAndReplacesWrongOnes) {
  const Tokenizer tokenizer = ByteLevel();
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.Push(0xF0), "");
  EXPECT_EQ(decoder.Push(0x9F), "");
  EXPECT_EQ(decoder.Push(0xA6), "");
  EXPECT_EQ(decoder.Push(0x99), "🦙");
  EXPECT_EQ(decoder.Push(0xFF), "\uFFFD");
  EXPECT_EQ(decoder.Push(0xE2), "");
  EXPECT_EQ(decoder.Push('a'), "\uFFFDa");
  EXPECT_EQ(decoder.Push(0xE2), "");
  EXPECT_EQ(decoder.Push(264), "");  // a special token is passed over
  EXPECT_EQ(decoder.Push(-5), "");
  EXPECT_EQ(decoder.Finish(), "\uFFFD");
  EXPECT_EQ(decoder.Finish(), "");
}

TEST(StreamDecoder, KeepsTheLeadingSpaceOfAContinuation) {
  const Tokenizer tokenizer = Make(SentencePieceJson());
  EXPECT_EQ(Stream(tokenizer, {264, 264}, true), "ab ab");
  EXPECT_EQ(Stream(tokenizer, {264, 264}, true, /*continuation=*/true), " ab ab");
  EXPECT_EQ(Stream(tokenizer, {1, 264}, true), "ab");
}

}  // namespace
}  // namespace burin
