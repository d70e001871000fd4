// Options that say what a text must be: a JSON schema or a grammar (docs/constrained-output.md).
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "emu/token_constraint.h"
#include "text/tokenizer.h"

namespace burin {

struct OutputForm {
  std::string json_schema, grammar;  // the text itself, or a file with it
  bool empty() const { return json_schema.empty() && grammar.empty(); }
};
void AddOutputFormOptions(CLI::App& command, OutputForm& form);

// The constraint of one text, if the form is not empty. `end_ids` end the text. Errors: a file that
// cannot be read, a schema or grammar that is wrong or not supported.
Result<std::shared_ptr<TokenConstraint>> MakeConstraint(const OutputForm& form,
                                                        const Tokenizer& tokenizer,
                                                        const std::vector<int32_t>& end_ids);

}  // namespace burin
