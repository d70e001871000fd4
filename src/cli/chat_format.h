// Conversations as token ids, for the template families that can be recognised. The full template
// language (Jinja) is not here.
//
// What a user types never becomes a mark: its "<|end|>" is plain text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace burin {

class ChatFormat {
 public:
  enum class Family { kRoleMarks, kChatMl, kLlama2, kMistral, kLlama3 };

  // By the marks in the chat template or, without a template, by the special tokens. nullopt when
  // it is none of the families.
  static std::optional<ChatFormat> Recognise(const Tokenizer& tokenizer);

  std::string_view name() const;

  // Appends the user's turn and the marks after which the model answers. The first turn of a
  // conversation (empty `ids`) begins with BOS, if the tokenizer has one, and `system`, if any.
  void AddUserTurn(std::string_view system, std::string_view content,
                   std::vector<int32_t>& ids) const;
  // Appends the mark that ends an answer.
  void CloseAnswer(std::vector<int32_t>& ids) const;

  // The tokenizer's end ids and the id of the mark that ends an answer.
  const std::vector<int32_t>& stop_ids() const { return stop_ids_; }

 private:
  class Writer;
  ChatFormat(Family family, const Tokenizer& tokenizer);

  Family family_;
  Tokenizer tokenizer_;
  std::string end_mark_;
  std::vector<int32_t> stop_ids_;
};

}  // namespace burin
