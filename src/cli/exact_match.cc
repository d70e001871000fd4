#include "cli/exact_match.h"

#include <algorithm>

#include "base/mapped_file.h"
#include "cli/console.h"

namespace burin {
namespace {

Result<ExactCase> ParseCase(const std::string& line, const std::string& object) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  auto text = [&json](const char* key) {
    return json.is_object() && json.contains(key) && json[key].is_string();
  };
  if (!text("prompt") || !text("expected")) {
    return BadInput(object, "no such object", R"({"prompt": TEXT, "expected": TEXT})");
  }
  return ExactCase{json["prompt"], json["expected"],
                   text("kind") ? json["kind"].get<std::string>() : "all"};
}

Result<bool> IsRight(const ExactCase& c, Session& session, const Tokenizer& tokenizer) {
  const std::vector<int32_t> prompt = tokenizer.Encode(c.prompt);
  const int64_t room = session.context() - static_cast<int64_t>(prompt.size());
  if (room < 0) return false;
  GenerateOptions options;
  options.stop_ids = session.config().eos_ids;
  options.max_tokens = std::min(room + 1, static_cast<int64_t>(c.expected.size()) + 16);
  StreamDecoder decoder(tokenizer, /*skip_special=*/true, /*continuation=*/!c.prompt.empty());
  std::string text;
  auto still_right = [&](int32_t id) {
    text += decoder.Push(id);
    return c.expected.starts_with(text);
  };
  BURIN_ASSIGN(const GenerateResult result, session.Continue(prompt, options, still_right));
  return result.reason == FinishReason::kStopId && text + decoder.Finish() == c.expected;
}

}  // namespace

Result<std::vector<ExactCase>> ReadExactCases(const std::string& path) {
  BURIN_ASSIGN(const std::string text, ReadTextFile(path));
  std::vector<ExactCase> cases;
  size_t number = 0;
  for (size_t begin = 0; begin < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    BURIN_ASSIGN(ExactCase c, ParseCase(line, fmt::format("{}:{}", path, number + 1)));
    cases.push_back(std::move(c));
  }
  if (cases.empty()) return BadInput(path, "no lines", R"({"prompt", "expected"} on each)");
  return cases;
}

Result<ExactResult> CountExact(const std::vector<ExactCase>& cases, Session& session,
                               Progress* progress) {
  BURIN_ASSIGN(const Tokenizer* tokenizer, NeedTokenizer(session.tokenizer(), "the model"));
  BURIN_TRY(session.Reserve(session.context()));
  ExactResult result;
  for (const ExactCase& c : cases) {
    BURIN_ASSIGN(const bool right, IsRight(c, session, *tokenizer));
    for (Tally* tally : {&result.total, &result.by_kind[c.kind]}) {
      tally->right += right;
      ++tally->cases;
    }
    if (progress != nullptr) progress->Add(1);
  }
  return result;
}

}  // namespace burin
