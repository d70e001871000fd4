// Constrained decoding: which tokens may come next so that the text stays inside a language, given
// as a JSON schema, a regular expression, a list of choices or a grammar.
// docs/constrained-output.md says what of these is supported; what is not is refused by name.
//
// Guarantees, for every state that Advance leads to:
//  - some token is allowed, or the text is complete and only its end is;
//  - the text ends only where it is complete, and is then a text of the language;
//  - the text is valid UTF-8 at its end, whatever bytes the tokens cut it into.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace burin {

namespace constraint {
struct Compiled;
struct Vocabulary;
}  // namespace constraint

// The bytes of a tokenizer's tokens, prepared once for all constraints. Special tokens are never
// part of a constrained text. Copies share the tables.
class ConstraintVocabulary {
 public:
  // `end_ids` end a text: they are what is allowed where it is complete (ChatTemplate::stop_ids,
  // or the tokenizer's). At least one.
  // Errors: kBadInput when there is none, or one outside the vocabulary.
  static Result<ConstraintVocabulary> Create(const Tokenizer& tokenizer,
                                             const std::vector<int32_t>& end_ids);

 private:
  friend class Constraint;
  explicit ConstraintVocabulary(std::shared_ptr<const constraint::Vocabulary> tables)
      : tables_(std::move(tables)) {}
  std::shared_ptr<const constraint::Vocabulary> tables_;
};

// Where one sequence is in its language. Copyable: one copy a sequence; used by one thread.
class ConstraintState {
 public:
  // Sets the bit of each id that may come next (id 0 is bit 0 of word 0) and clears all others.
  // `mask` has at least vocab_size / 64 words, rounded up; ids behind the vocabulary are cleared.
  // At least one bit is set until an end id was taken.
  void AllowedMask(std::span<uint64_t> mask) const;
  bool Allows(int32_t id) const;

  // Goes on behind token `id`; false, and the state stays, if it is not allowed. An end id
  // finishes: nothing is allowed behind it.
  bool Advance(int32_t id);
  // Goes on behind `text`, whatever tokens it is cut into; false, and the state stays, if it is not
  // in the language.
  bool AdvanceText(std::string_view text);

  // The text so far is in the language.
  bool IsComplete() const;
  // It is, and nothing can follow but its end.
  bool IsFinished() const;

 private:
  friend class Constraint;
  explicit ConstraintState(std::shared_ptr<const constraint::Compiled> compiled);
  std::shared_ptr<const constraint::Compiled> compiled_;
  std::vector<std::vector<uint32_t>> stacks_;  // bottom first; sorted, no two equal
  bool complete_ = false;                      // the text so far is in the language
  bool ended_ = false;                         // an end id was taken
};

// A compiled language. Const: may be used by many threads. Copies share the tables.
class Constraint {
 public:
  // The texts that are JSON values of `schema` (JSON text). Properties come in the order in which
  // the schema names them, others behind them.
  // Errors of all: kBadInput, naming the place: what is not supported, a language without any text,
  // or one above the limits of docs/constrained-output.md.
  static Result<Constraint> FromJsonSchema(std::string_view schema,
                                           const ConstraintVocabulary& vocabulary);
  // `before`, a JSON value of `schema`, and then `after` or nothing.
  static Result<Constraint> FromJsonSchemaBetween(std::string_view before, std::string_view schema,
                                                  std::string_view after,
                                                  const ConstraintVocabulary& vocabulary);
  // Any JSON object.
  static Result<Constraint> JsonObject(const ConstraintVocabulary& vocabulary);
  // One of the given texts.
  static Result<Constraint> FromChoices(const std::vector<std::string>& choices,
                                        const ConstraintVocabulary& vocabulary);
  // The texts that `pattern` matches as a whole.
  static Result<Constraint> FromRegex(std::string_view pattern,
                                      const ConstraintVocabulary& vocabulary);
  // The texts of the rule `root` of a grammar in llama.cpp's GBNF.
  static Result<Constraint> FromGrammar(std::string_view grammar,
                                        const ConstraintVocabulary& vocabulary);

  ConstraintState Start() const;

 private:
  explicit Constraint(std::shared_ptr<const constraint::Compiled> compiled)
      : compiled_(std::move(compiled)) {}
  std::shared_ptr<const constraint::Compiled> compiled_;
};

}  // namespace burin
