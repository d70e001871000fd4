// For tests that compare with other implementations: reads a request a line (JSON) and answers each
// with a line.
//   {"render": TEMPLATE, "variables": {...}}           -> {"text": ...} or {"error": ...}
//   {"KIND": LANGUAGE, "walks": N, "seed": S}          -> {"texts": [...]}, random legal texts
//   {"KIND": LANGUAGE, "texts": [...]}                 -> {"accepts": [true, ...]}
//   {"KIND": LANGUAGE, "time": TEXT}                   -> milliseconds to compile, microseconds of
//   a mask
// KIND is json_schema, regex, grammar or choices. usage: text_probe TOKENIZER_FOLDER
#include <algorithm>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/philox.h"
#include "text/constraint.h"
#include "text/jinja/from_json.h"
#include "text/jinja/template.h"

namespace burin {
namespace {

using Json = nlohmann::ordered_json;

std::string Message(const Error& error) { return error.ToString(); }

Json Render(const Json& request) {
  const auto parsed = jinja::Template::Parse(request["render"].get<std::string>(), "the template");
  if (!parsed) return {{"error", Message(parsed.error())}};
  const auto variables = jinja::FromJson(request["variables"].dump(), "the variables");
  if (!variables) return {{"error", Message(variables.error())}};
  const auto text = parsed->Render(*variables->AsDict());
  if (!text) return {{"error", Message(text.error())}};
  return {{"text", text->text()}};
}

Result<Constraint> MakeConstraint(const Json& request, const ConstraintVocabulary& vocabulary) {
  if (request.contains("json_schema")) {
    return Constraint::FromJsonSchema(request["json_schema"].dump(), vocabulary);
  }
  if (request.contains("regex")) {
    return Constraint::FromRegex(request["regex"].get<std::string>(), vocabulary);
  }
  if (request.contains("grammar")) {
    return Constraint::FromGrammar(request["grammar"].get<std::string>(), vocabulary);
  }
  return Constraint::FromChoices(request["choices"].get<std::vector<std::string>>(), vocabulary);
}

// Random tokens, the more often such that close something the longer the text gets.
class WalkMaker {
 public:
  WalkMaker(const Tokenizer& tokenizer, uint64_t seed) : tokenizer_(tokenizer), seed_(seed) {}

  // False: the text did not end, or some state was a dead end (then `error` says so).
  bool Walk(const Constraint& constraint, std::string& text, std::string& error) {
    constexpr int kMaxTokens = 300;
    ConstraintState state = constraint.Start();
    std::vector<uint64_t> mask((static_cast<size_t>(tokenizer_.vocab_size()) + 63) / 64);
    for (int length = 0; length < kMaxTokens; ++length) {
      if (state.IsComplete() && (state.IsFinished() || Draw(3) == 0)) return true;
      state.AllowedMask(mask);
      const int32_t id = Choose(mask, length);
      if (id < 0 && !state.IsComplete()) {
        error = "a dead end behind " + text;
        return false;
      }
      if (id < 0) return true;
      if (!state.Advance(id)) {
        error = "an allowed token was refused behind " + text;
        return false;
      }
      text += tokenizer_.TokenText(id);
    }
    return false;
  }

 private:
  uint32_t Draw(uint32_t limit) { return Philox(seed_, 0, counter_++)[0] % limit; }

  int32_t Choose(const std::vector<uint64_t>& mask, int length) {
    std::vector<int32_t> all, closing;
    for (int32_t id = 0; id < tokenizer_.vocab_size(); ++id) {
      if (((mask[static_cast<size_t>(id) / 64] >> (id % 64)) & 1) == 0) continue;
      if (!tokenizer_.IsText(id)) continue;
      all.push_back(id);
      const std::string_view text = tokenizer_.TokenText(id);
      if (text == "\"" || text == "}" || text == "]" || text == "1" || text == "null") {
        closing.push_back(id);
      }
    }
    const bool close = !closing.empty() && Draw(60) < static_cast<uint32_t>(10 + length);
    const std::vector<int32_t>& from = close ? closing : all;
    return from.empty() ? -1 : from[Draw(static_cast<uint32_t>(from.size()))];
  }

  const Tokenizer& tokenizer_;
  const uint64_t seed_;
  uint64_t counter_ = 0;
};

// Masks along the tokens of a text, made for the first time and found again.
Json Timed(const Json& request, const Tokenizer& tokenizer,
           const ConstraintVocabulary& vocabulary) {
  // Processor time of this thread: others on the machine do not count.
  struct Clock {
    static double now() {
      timespec time{};
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
      return 1e6 * static_cast<double>(time.tv_sec) + 1e-3 * static_cast<double>(time.tv_nsec);
    }
  };
  const auto start = Clock::now();
  const auto constraint = MakeConstraint(request, vocabulary);
  if (!constraint) return {{"error", Message(constraint.error())}};
  Json answer = {{"compile_ms", (Clock::now() - start) / 1000}};
  const auto ids = tokenizer.Encode(request["time"].get<std::string>(), {.add_special = false});
  std::vector<uint64_t> mask((static_cast<size_t>(tokenizer.vocab_size()) + 63) / 64);
  for (const char* pass : {"first", "again"}) {
    ConstraintState state = constraint->Start();
    double total = 0, most = 0, advance = 0;
    for (const int32_t id : ids) {
      const auto before = Clock::now();
      state.AllowedMask(mask);
      const auto between = Clock::now();
      if (!state.Advance(id)) return {{"error", "the text is not in the language"}};
      advance += Clock::now() - between;
      total += between - before;
      most = std::max(most, between - before);
    }
    const auto count = static_cast<double>(ids.size());
    answer[pass] = {{"mask_mean_us", total / count},
                    {"mask_most_us", most},
                    {"advance_mean_us", advance / count},
                    {"tokens", ids.size()}};
  }
  return answer;
}

Json Constrained(const Json& request, const Tokenizer& tokenizer,
                 const ConstraintVocabulary& vocabulary) {
  const auto constraint = MakeConstraint(request, vocabulary);
  if (!constraint) return {{"error", Message(constraint.error())}};
  if (request.contains("time")) return Timed(request, tokenizer, vocabulary);
  if (request.contains("texts")) {
    Json accepts = Json::array();
    for (const Json& text : request["texts"]) {
      ConstraintState state = constraint->Start();
      accepts.push_back(state.AdvanceText(text.get<std::string>()) && state.IsComplete());
    }
    return {{"accepts", accepts}};
  }
  WalkMaker maker(tokenizer, request["seed"].get<uint64_t>());
  Json texts = Json::array();
  const int walks = request["walks"].get<int>();
  for (int tries = 0; tries < 5 * walks && static_cast<int>(texts.size()) < walks; ++tries) {
    std::string text, error;
    const bool done = maker.Walk(*constraint, text, error);
    if (!error.empty()) return {{"error", error}};
    if (done) texts.push_back(text);
  }
  return {{"texts", texts}};
}

int Run(const char* folder) {
  const auto tokenizer = Tokenizer::FromFolder(folder);
  if (!tokenizer) {
    std::cerr << Message(tokenizer.error()) << "\n";
    return 2;
  }
  const auto vocabulary = ConstraintVocabulary::Create(*tokenizer, tokenizer->eos_ids());
  for (std::string line; std::getline(std::cin, line);) {
    const Json request = Json::parse(line);
    const Json answer = request.contains("render") ? Render(request)
                                                   : Constrained(request, *tokenizer, *vocabulary);
    std::cout << answer.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace burin

int main(int argc, char** argv) { return argc == 2 ? burin::Run(argv[1]) : 2; }
