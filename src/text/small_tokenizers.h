// Tokenizers of a few hundred pieces, made in the tests.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "text/utf8.h"

namespace burin {

// The character that byte-level vocabularies write for `byte`.
inline std::string AlphabetCharacter(unsigned byte) {
  const auto itself = [](unsigned b) {
    return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
  };
  char32_t code = byte;
  if (!itself(byte)) {
    code = 256;
    for (unsigned b = 0; b < byte; ++b) code += itself(b) ? 0 : 1;
  }
  std::string text;
  AppendUtf8(text, code);
  return text;
}

inline nlohmann::json AddedTokenJson(int id, const std::string& content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

// Byte-level BPE: ids 0 to 255 are the bytes, then one for each merge ("Ġ t"), then "<|begin|>"
// and "<|end|>", which are added tokens. The template puts <|begin|> first.
inline nlohmann::json ByteLevelJson(const std::vector<std::string>& merges) {
  nlohmann::json vocab = nlohmann::json::object();
  int next = 0;
  for (unsigned byte = 0; byte < 256; ++byte) vocab[AlphabetCharacter(byte)] = next++;
  for (std::string merge : merges) {
    merge.erase(merge.find(' '), 1);
    vocab[merge] = next++;
  }
  const std::string pattern =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
      R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
  nlohmann::json root;
  root["added_tokens"] = {AddedTokenJson(next, "<|begin|>"), AddedTokenJson(next + 1, "<|end|>")};
  root["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"},
         {"pattern", {{"Regex", pattern}}},
         {"behavior", "Isolated"},
         {"invert", false}},
        {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
  root["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", {{{"SpecialToken", {{"id", "<|begin|>"}}}}, {{"Sequence", {{"id", "A"}}}}}},
      {"special_tokens", {{"<|begin|>", {{"id", "<|begin|>"}, {"ids", {next}}}}}}};
  root["decoder"] = {{"type", "ByteLevel"}};
  root["model"] = {{"type", "BPE"}, {"vocab", vocab}, {"merges", merges}};
  return root;
}

// SentencePiece style in tokenizer.json: <unk> <s> </s>, 256 byte pieces from id 3, and then
// "▁", "a", "b", "▁a", "ab", "▁ab", "▁▁" from id 259.
inline nlohmann::json SentencePieceJson() {
  nlohmann::json vocab = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
  int next = 3;
  constexpr const char* kHex = "0123456789ABCDEF";
  for (unsigned byte = 0; byte < 256; ++byte) {
    vocab[std::string("<0x") + kHex[byte / 16] + kHex[byte % 16] + ">"] = next++;
  }
  for (const char* piece : {"▁", "a", "b", "▁a", "ab", "▁ab", "▁▁"}) vocab[piece] = next++;
  nlohmann::json root;
  root["added_tokens"] = {AddedTokenJson(0, "<unk>"), AddedTokenJson(1, "<s>"),
                          AddedTokenJson(2, "</s>")};
  root["normalizer"] = {
      {"type", "Sequence"},
      {"normalizers",
       {{{"type", "Prepend"}, {"prepend", "▁"}},
        {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}}}}};
  root["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", {{{"SpecialToken", {{"id", "<s>"}}}}, {{"Sequence", {{"id", "A"}}}}}},
      {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {1}}}}}}};
  root["decoder"] = {{"type", "Sequence"},
                     {"decoders",
                      {{{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}},
                       {{"type", "ByteFallback"}},
                       {{"type", "Fuse"}},
                       {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}};
  root["model"] = {{"type", "BPE"},    {"unk_token", "<unk>"},
                   {"fuse_unk", true}, {"byte_fallback", true},
                   {"vocab", vocab},   {"merges", {"a b", "▁ ab", "▁ a", "▁ ▁"}}};
  return root;
}

}  // namespace burin
