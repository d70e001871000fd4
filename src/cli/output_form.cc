#include "cli/output_form.h"

#include "base/mapped_file.h"
#include "serve/constraints.h"

namespace burin {
namespace {

// What an option gives: text that holds `mark` is meant itself, else it names a file.
Result<std::string> TextOf(const std::string& given, std::string_view mark) {
  if (given.find(mark) != std::string::npos) return given;
  return ReadTextFile(given);
}

}  // namespace

void AddOutputFormOptions(CLI::App& command, OutputForm& form) {
  CLI::Option* schema = command
                            .add_option("--json-schema", form.json_schema,
                                        "The text is JSON of this schema: {...}, or a file with it")
                            ->option_text("SCHEMA");
  command
      .add_option("--grammar", form.grammar,
                  "The text is of this GBNF grammar: root ::= ..., or a file with it")
      ->option_text("GRAMMAR")
      ->excludes(schema);
}

Result<std::shared_ptr<TokenConstraint>> MakeConstraint(const OutputForm& form,
                                                        const Tokenizer& tokenizer,
                                                        const std::vector<int32_t>& end_ids) {
  BURIN_ASSIGN(const ConstraintVocabulary vocabulary,
               ConstraintVocabulary::Create(tokenizer, end_ids));
  if (!form.grammar.empty()) {
    BURIN_ASSIGN(const std::string grammar, TextOf(form.grammar, "::="));
    BURIN_ASSIGN(const Constraint constraint, Constraint::FromGrammar(grammar, vocabulary));
    return StartConstraint(constraint);
  }
  BURIN_ASSIGN(const std::string schema, TextOf(form.json_schema, "{"));
  BURIN_ASSIGN(const Constraint constraint, Constraint::FromJsonSchema(schema, vocabulary));
  return StartConstraint(constraint);
}

}  // namespace burin
