// Published test vectors of llama.cpp and transformers.js, against every form of each vocabulary
// that is at hand.
#include <chrono>
#include <cstdio>

#include "text/test_support.h"

namespace burin {
namespace {

Tokenizer FromJsonFile(const char* folder) {
  const std::filesystem::path path = SharedData() / folder / "tokenizer.json";
  return Unwrap(Tokenizer::FromTokenizerJson(ReadAll(path), path.string()));
}

Tokenizer FromGgufFile(const char* path) {
  return Unwrap(Tokenizer::FromVocabulary(GgufMetadata(SharedData() / path).Spec(), path));
}

void ExpectIdCases(const Tokenizer& tokenizer, const char* stem, size_t count) {
  const std::vector<IdCase> cases = ReadIdCases(SharedData() / stem);
  EXPECT_EQ(cases.size(), count);
  for (const IdCase& item : cases) {
    EXPECT_EQ(tokenizer.Encode(item.text, {.add_special = false, .parse_special = false}), item.ids)
        << "text: " << item.text;
    EXPECT_EQ(tokenizer.Decode(item.ids), item.text);
  }
}

// What transformers calls clean_up_tokenization_spaces, which some of the vectors have gone
// through. We leave texts as they are.
std::string CleanUp(std::string text) {
  for (const char* tight : {".", "?", "!", ",", "n't", "'m", "'s", "'ve", "'re"}) {
    const std::string loose = " " + std::string(tight);
    for (size_t at; (at = text.find(loose)) != std::string::npos;) text.erase(at, 1);
  }
  return text;
}

// The vectors hold the ids, and the text that they decode to with special tokens kept.
void ExpectJsonCases(const Tokenizer& tokenizer, const char* path, size_t count) {
  const auto vectors = nlohmann::json::parse(ReadAll(SharedData() / path));
  EXPECT_EQ(vectors.at("cases").size(), count);
  const bool bos = vectors.at("ids_start_with_bos").get<bool>();
  for (const auto& item : vectors.at("cases")) {
    const auto ids = item.at("ids").get<std::vector<int32_t>>();
    const auto text = item.at("text").get<std::string>();
    EXPECT_EQ(tokenizer.Encode(text, {.add_special = bos}), ids) << item.at("name");
    const std::string decoded = tokenizer.Decode(ids, /*skip_special=*/false);
    const auto expected = item.at("decoded").get<std::string>();
    EXPECT_TRUE(decoded == expected || CleanUp(decoded) == expected)
        << item.at("name") << ": " << decoded;
  }
}

TEST(TokenizerVectors, Gpt2) {
  BURIN_NEED_SHARED();
  const Tokenizer tokenizer = FromJsonFile("tokenizer-gpt2");
  ExpectIdCases(tokenizer, "tokenizer-gpt2/ggml-vocab-gpt-2.gguf", 46);
  ExpectJsonCases(tokenizer, "tokenizer-gpt2/vectors-transformersjs.json", 26);
  ExpectIdCases(FromGgufFile("tokenizer-gpt2/ggml-vocab-gpt-2.gguf"),
                "tokenizer-gpt2/ggml-vocab-gpt-2.gguf", 46);
}

TEST(TokenizerVectors, Llama2) {
  BURIN_NEED_SHARED();
  const Tokenizer tokenizer = FromJsonFile("tokenizer-llama2");
  ExpectIdCases(tokenizer, "tokenizer-llama2/ggml-vocab-llama-spm.gguf", 46);
  ExpectJsonCases(tokenizer, "tokenizer-llama2/vectors-transformersjs.json", 37);
  const std::string model = ReadAll(SharedData() / "tokenizer-llama2/tokenizer.model");
  const Tokenizer piece = Unwrap(Tokenizer::FromSentencePiece(AsBytes(model), "tokenizer.model"));
  ExpectIdCases(piece, "tokenizer-llama2/ggml-vocab-llama-spm.gguf", 46);
  ExpectJsonCases(piece, "tokenizer-llama2/vectors-transformersjs.json", 37);
  ExpectIdCases(FromGgufFile("tokenizer-llama2/ggml-vocab-llama-spm.gguf"),
                "tokenizer-llama2/ggml-vocab-llama-spm.gguf", 46);
}

TEST(TokenizerVectors, Llama3) {
  BURIN_NEED_SHARED();
  const Tokenizer tokenizer = FromJsonFile("tokenizer-llama3");
  ExpectIdCases(tokenizer, "tokenizer-llama3/ggml-vocab-llama-bpe.gguf", 46);
  ExpectJsonCases(tokenizer, "tokenizer-llama3/vectors-transformersjs.json", 37);
  ExpectJsonCases(tokenizer, "tokenizer-llama3/vectors-transformersjs-bos.json", 37);
}

TEST(TokenizerVectors, Qwen2) {
  BURIN_NEED_SHARED();
  const Tokenizer tokenizer = FromJsonFile("tokenizer-qwen2");
  ExpectIdCases(tokenizer, "tokenizer-qwen2/ggml-vocab-qwen2.gguf", 46);
  ExpectJsonCases(tokenizer, "tokenizer-qwen2/vectors-transformersjs.json", 25);
}

// Each form of one vocabulary must give the same ids for real prose, and the serialized form too.
void ExpectSameIds(const Tokenizer& a, const Tokenizer& b, const std::string& text) {
  EXPECT_EQ(a.Encode(text), b.Encode(text));
}

TEST(TokenizerVectors, FormsOfOneVocabularyAgreeOnProse) {
  BURIN_NEED_SHARED();
  const std::string text = ReadAll(SharedData() / "tinyshakespeare/input.txt").substr(0, 300000);
  ASSERT_FALSE(text.empty());
  const std::string model = ReadAll(SharedData() / "tokenizer-llama2/tokenizer.model");
  const Tokenizer llama2 = FromJsonFile("tokenizer-llama2");
  ExpectSameIds(llama2, Unwrap(Tokenizer::FromSentencePiece(AsBytes(model), "model")), text);
  ExpectSameIds(llama2, FromGgufFile("tokenizer-llama2/ggml-vocab-llama-spm.gguf"), text);
  for (const char* folder : {"tokenizer-llama2", "tokenizer-llama3", "tokenizer-qwen2",
                             "tokenizer-smollm2", "tokenizer-gpt2", "stories260K/hf"}) {
    const Tokenizer tokenizer = Unwrap(Tokenizer::FromFolder(SharedData() / folder));
    const std::vector<std::byte> bytes = tokenizer.Serialize();
    const Tokenizer again = Unwrap(Tokenizer::Deserialize(bytes, folder));
    ExpectSameIds(tokenizer, again, text);
    EXPECT_EQ(again.Serialize(), bytes);
    EXPECT_EQ(again.Decode(again.Encode(text)), text) << folder;
    EXPECT_EQ(again.chat_template(), tokenizer.chat_template());
    EXPECT_EQ(again.eos_ids(), tokenizer.eos_ids());
    EXPECT_EQ(again.bos_id(), tokenizer.bos_id());
  }
}

TEST(TokenizerVectors, TheBundledTokenizerPutsItsBeginningFirst) {
  const std::filesystem::path folder = BURIN_SOURCE_DIR "/models/hearth";
  if (!std::filesystem::exists(folder / "tokenizer.json")) GTEST_SKIP() << "no bundled model yet";
  const Tokenizer tokenizer = Unwrap(Tokenizer::FromFolder(folder));
  EXPECT_EQ(tokenizer.bos_text(), "<|begin|>");
  EXPECT_EQ(tokenizer.eos_text(), "<|end|>");
  const std::string text = "Once upon a time, 12 foxes said: \"Grüß Gott! 🦊\"\n\n  The end.";
  const std::vector<int32_t> ids = tokenizer.Encode(text);
  ASSERT_FALSE(ids.empty());
  EXPECT_EQ(ids.front(), tokenizer.bos_id());
  EXPECT_EQ(tokenizer.Decode(ids), text);
}

TEST(TokenizerVectors, FoldersNameBeginningAndEnd) {
  BURIN_NEED_SHARED();
  const Tokenizer smollm = Unwrap(Tokenizer::FromFolder(SharedData() / "tokenizer-smollm2"));
  EXPECT_EQ(smollm.bos_id(), 0);
  EXPECT_EQ(smollm.eos_ids(), std::vector<int32_t>{0});
  const Tokenizer qwen = Unwrap(Tokenizer::FromFolder(SharedData() / "tokenizer-qwen2"));
  EXPECT_EQ(qwen.bos_id(), std::nullopt);
  EXPECT_EQ(qwen.eos_text(), "<|im_end|>");
  EXPECT_TRUE(qwen.chat_template().starts_with("{%- if tools %}"));
  const Tokenizer stories = Unwrap(Tokenizer::FromFolder(SharedData() / "stories260K/hf"));
  EXPECT_EQ(stories.bos_text(), "<s>");
  EXPECT_EQ(stories.eos_text(), "</s>");
}

}  // namespace
}  // namespace burin
