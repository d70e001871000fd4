// Damaged and hostile files: each is refused with a message that names the part, at little cost.
#include <unistd.h>
#include <chrono>

#include <cmath>
#include <fstream>

#include "text/definition.h"
#include "text/small_tokenizers.h"
#include "text/test_support.h"

namespace burin {
namespace {

using nlohmann::json;

// The message for a tokenizer.json.
std::string Refusal(const std::string& text) {
  const Result<Tokenizer> result = Tokenizer::FromTokenizerJson(text, "t.json");
  return result ? "accepted" : result.error().ToString();
}
std::string Refusal(const json& root) { return Refusal(root.dump()); }

#define EXPECT_REFUSED(input, part) \
  EXPECT_NE(Refusal(input).find(part), std::string::npos) << Refusal(input)

TEST(TokenizerErrors, KindsThatAreNotSupportedAreNamed) {
  for (const char* type : {"WordPiece", "Unigram", "WordLevel"}) {
    json root = ByteLevelJson({});
    root["model"]["type"] = type;
    EXPECT_REFUSED(root, type);
  }
  json root = ByteLevelJson({});
  root["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  EXPECT_REFUSED(root, "BertPreTokenizer");
  root = ByteLevelJson({});
  root["normalizer"] = {{"type", "Lowercase"}};
  EXPECT_REFUSED(root, "Lowercase");
  root = ByteLevelJson({});
  root["decoder"] = {{"type", "CTC"}};
  EXPECT_REFUSED(root, "CTC");
  root = ByteLevelJson({});
  root["post_processor"] = {{"type", "RobertaProcessing"}};
  EXPECT_REFUSED(root, "RobertaProcessing");
  root = ByteLevelJson({});
  root["model"]["end_of_word_suffix"] = "</w>";
  EXPECT_REFUSED(root, "end_of_word_suffix");
}

TEST(TokenizerErrors, WrongVocabulariesAreRefused) {
  json root = ByteLevelJson({});
  root["model"]["vocab"]["xx"] = 7;
  EXPECT_REFUSED(root, "id 7 for both");
  for (const json& id :
       {json(-1), json(1 << 30), json(1e300), json(UINT64_MAX), json("5"), json(2.5)}) {
    root = ByteLevelJson({});
    root["model"]["vocab"]["xx"] = id;
    EXPECT_REFUSED(root, "t.json: model.vocab");
  }
  root = ByteLevelJson({});
  root["model"]["vocab"]["xx"] = 1000;
  EXPECT_REFUSED(root, "no token with id 258");
  root = ByteLevelJson({});
  root["model"]["merges"].push_back("h q");
  EXPECT_REFUSED(root, "unknown token 'hq'");
  for (const json& merge : {json("hq"), json("a b c"), json({"a", 1}), json(nullptr)}) {
    root["model"]["merges"] = json::array({merge});
    EXPECT_REFUSED(root, "merge 0");
  }
  root = SentencePieceJson();
  root["model"]["unk_token"] = "<none>";
  EXPECT_REFUSED(root, "model.unk_token");
  root = SentencePieceJson();
  root["model"].erase("unk_token");
  root["model"]["byte_fallback"] = false;
  EXPECT_REFUSED(root, "no unknown token");
}

TEST(TokenizerErrors, WrongAddedTokensAreRefused) {
  json root = ByteLevelJson({});
  root["added_tokens"].push_back(AddedTokenJson(5, "<x>"));
  EXPECT_REFUSED(root, "id 5 for both");
  root = ByteLevelJson({});
  root["added_tokens"].push_back(AddedTokenJson(258, "<|end|>"));
  EXPECT_REFUSED(root, "id 257, as elsewhere");
  root = ByteLevelJson({});
  root["added_tokens"].push_back(AddedTokenJson(258, std::string(2000, 'x')));
  EXPECT_REFUSED(root, "2000 bytes");
  root = ByteLevelJson({});
  root["added_tokens"][0]["lstrip"] = 3;
  EXPECT_REFUSED(root, "lstrip");
  root = ByteLevelJson({});
  root["post_processor"]["special_tokens"]["<|begin|>"]["ids"] = {9999};
  EXPECT_REFUSED(root, "id 9999");
}

TEST(TokenizerErrors, HostilePatternsAreRefusedOrBounded) {
  json root = ByteLevelJson({});
  json& pattern = root["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"];
  pattern = "(";
  EXPECT_REFUSED(root, "a wrong pattern");
  pattern = std::string(100000, 'a');
  EXPECT_REFUSED(root, "at most 8192");
  pattern = std::string(300, '(') + std::string(300, ')');
  EXPECT_REFUSED(root, "pre_tokenizer");
  for (const char* text : {R"(\h)", R"([a[b]])", R"([a&&b])", "(*LIMIT_MATCH=1)a", R"(\Ka)"}) {
    pattern = text;
    EXPECT_REFUSED(root, "in the pattern");
  }
  // Exponential backtracking: the pattern gives up, the text stays whole.
  pattern = "(a+)+(?<!a)b";
  const Tokenizer tokenizer = Unwrap(Tokenizer::FromTokenizerJson(root.dump(), "t.json"));
  const std::string text(5000, 'a');
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode(text)), text);
}

TEST(TokenizerErrors, GrowthIsBounded) {
  json root = SentencePieceJson();
  root["normalizer"]["normalizers"] = json::array();
  for (int i = 0; i < 5; ++i) {
    root["normalizer"]["normalizers"].push_back(
        {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aaaa"}});
  }
  EXPECT_REFUSED(root, "lengthen");
  root["normalizer"] = {{"type", "Prepend"}, {"prepend", std::string(1000, 'a')}};
  EXPECT_REFUSED(root, "1000 bytes of prefix");
}

TEST(TokenizerErrors, NonsenseFailsFast) {
  EXPECT_REFUSED(std::string(), "no JSON object");
  EXPECT_REFUSED(std::string("[]"), "no JSON object");
  EXPECT_REFUSED(std::string("{}"), "model");
  EXPECT_REFUSED(std::string("{\"model\": {\"type\": \"BPE\""), "parse error");
  EXPECT_REFUSED(std::string("{\"model\": 5}"), "model");
  EXPECT_REFUSED(std::string("version https://git-lfs.github.com/spec/v1"), "LFS");
  const auto start = std::chrono::steady_clock::now();
  constexpr size_t kSize = 100'000'000;
  EXPECT_REFUSED("{" + std::string(kSize, '['), "nesting");
  std::string commas = "{\"a\":[";
  while (commas.size() < kSize) commas += "1,";
  EXPECT_REFUSED(commas, "values");
  EXPECT_REFUSED("{" + std::string(kSize, 'x'), "parse error");
  EXPECT_REFUSED(std::string(kSize, '\0'), "no JSON object");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(TokenizerErrors, FoldersWithoutTokenizerSaySo) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / fmt::format("burin_text_test_{}", ::getpid());
  std::filesystem::create_directories(folder);
  const auto refusal = [&] {
    const Result<Tokenizer> result = Tokenizer::FromFolder(folder);
    return result ? "accepted" : result.error().ToString();
  };
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
  };
  EXPECT_NE(refusal().find("tokenizer.json or tokenizer.model"), std::string::npos);
  write("tokenizer.model", "IQ== 0\n");
  EXPECT_NE(refusal().find("tiktoken"), std::string::npos);
  write("tokenizer.json", ByteLevelJson({}).dump());
  write("tokenizer_config.json",
        R"({"bos_token": {"content": "<|begin|>"}, "eos_token": "<|no|>"})");
  EXPECT_NE(refusal().find("eos_token"), std::string::npos);
  write("tokenizer_config.json",
        R"({"bos_token": {"content": "<|begin|>"}, "eos_token": "<|end|>",
            "chat_template": [{"name": "tools", "template": "T"},
                              {"name": "default", "template": "D"}]})");
  write("generation_config.json", R"({"eos_token_id": [257, 3, 256]})");
  Tokenizer tokenizer = Unwrap(Tokenizer::FromFolder(folder));
  EXPECT_EQ(tokenizer.chat_template(), "D");
  EXPECT_EQ(tokenizer.eos_ids(), (std::vector<int32_t>{257, 3, 256}));
  write("chat_template.jinja", "{{ messages }}");
  EXPECT_EQ(Unwrap(Tokenizer::FromFolder(folder)).chat_template(), "{{ messages }}");
  std::filesystem::remove_all(folder);
}

TEST(TokenizerErrors, WrongGgufKeysAreRefused) {
  const auto refusal = [](const VocabularySpec& spec) {
    const Result<Tokenizer> result = Tokenizer::FromVocabulary(spec, "t.gguf");
    return result ? "accepted" : result.error().ToString();
  };
  VocabularySpec spec{.model = "bert", .tokens = {"a", "b"}};
  EXPECT_NE(refusal(spec).find("bert"), std::string::npos);
  spec.model = "gpt2";
  spec.pre = "mystery";
  EXPECT_NE(refusal(spec).find("mystery"), std::string::npos);
  spec.pre = "gpt-2";
  spec.merges = {"a b"};
  EXPECT_NE(refusal(spec).find("merges 0"), std::string::npos);
  spec.merges = {};
  spec.token_types = {1};
  EXPECT_NE(refusal(spec).find("token_type"), std::string::npos);
  spec.token_types = {1, 77};
  EXPECT_NE(refusal(spec).find("77"), std::string::npos);
  spec.token_types = {};
  spec.bos_id = 5;
  EXPECT_NE(refusal(spec).find("id 5"), std::string::npos);
  spec.bos_id = 1;
  spec.model = "llama";
  EXPECT_NE(refusal(spec).find("scores"), std::string::npos);
  spec.scores = {0, NAN};
  EXPECT_NE(refusal(spec).find("no number"), std::string::npos);
}

TEST(TokenizerErrors, DamagedBinaryFormsAreRefused) {
  const Tokenizer tokenizer =
      Unwrap(Tokenizer::FromTokenizerJson(ByteLevelJson({"h e", "l l"}).dump(), "t.json"));
  const std::vector<std::byte> bytes = tokenizer.Serialize();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Tokenizer::Deserialize(std::span(bytes).first(size), "t"));
  }
  std::vector<std::byte> longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(Tokenizer::Deserialize(longer, "t"));
  for (size_t at = 0; at < bytes.size(); ++at) {  // no crash, and no allocation beyond the input
    for (const int value : {0x00, 0x7F, 0xFF}) {
      std::vector<std::byte> damaged = bytes;
      damaged[at] = static_cast<std::byte>(value);
      const Result<Tokenizer> result = Tokenizer::Deserialize(damaged, "t");
      if (!result) continue;
      EXPECT_LE(result->Encode("hello").size(), 2 * kMaxTemplateIds + 5u);
    }
  }
}

TEST(TokenizerErrors, DamagedSentencePieceModelsAreRefused) {
  const auto refusal = [](std::string_view bytes) {
    const Result<Tokenizer> result = Tokenizer::FromSentencePiece(AsBytes(bytes), "t.model");
    return result ? "accepted" : result.error().ToString();
  };
  EXPECT_NE(refusal("").find("t.model"), std::string::npos);
  EXPECT_NE(refusal("\x0A\xFF\xFF\xFF\xFF\x0F").find("t.model"), std::string::npos);
  EXPECT_NE(refusal(std::string_view("\x0A\x03\x0A\x01"
                                     "a",
                                     5))
                .find("unigram"),
            std::string::npos);
}

}  // namespace
}  // namespace burin
