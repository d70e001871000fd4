#include "text/constraint.h"

#include <algorithm>

#include "text/constraint/compiled.h"
#include "text/constraint/gbnf.h"
#include "text/constraint/json_schema.h"
#include "text/constraint/regex_reader.h"
#include "text/constraint/walker.h"
#include "text/utf8.h"

namespace burin {
namespace {

using constraint::CachedMask;
using constraint::Compiled;
using constraint::Grammar;
using constraint::Place;
using constraint::Stack;
using constraint::TrieNode;
using constraint::Vocabulary;
using constraint::Walker;

void SetBit(std::span<uint64_t> mask, int32_t id) {
  mask[static_cast<size_t>(id) / 64] |= uint64_t{1} << (static_cast<size_t>(id) % 64);
}

// The tokens along which `walker` can go on: the trie is walked once, and what a token begins with
// is walked once for all that begin so.
std::vector<uint64_t> AllowedTokens(const Vocabulary& vocabulary, Walker& walker) {
  std::vector<uint64_t> words(vocabulary.words, 0);
  struct Level {
    size_t places_begin, places_end, frames;
  };
  std::vector<Place> places = {walker.start()};
  walker.Close(places, 0);
  std::vector<Level> levels(constraint::kMaxTokenBytes + 1);
  levels[0] = {0, places.size(), walker.frames()};
  std::vector<Place> reached;
  const size_t count = vocabulary.nodes.size() - 1;
  for (size_t i = 0; i < count;) {
    const TrieNode& node = vocabulary.nodes[i];
    const Level& above = levels[node.depth - 1u];
    walker.Truncate(above.frames);
    places.resize(above.places_end);
    reached.clear();
    Place place{};
    const int plain = above.places_end - above.places_begin == 1
                          ? walker.StepPlain(places.back(), node.byte, &place)
                          : -1;
    if (plain < 0) walker.Step(places, above.places_begin, node.byte, reached);
    if (plain > 0) reached.push_back(place);
    if (reached.empty()) {
      i = node.end;
      continue;
    }
    if (plain < 0) walker.Close(reached, 0);
    places.insert(places.end(), reached.begin(), reached.end());
    levels[node.depth] = {above.places_end, places.size(), walker.frames()};
    const uint32_t last = vocabulary.nodes[i + 1].first_token;
    for (uint32_t t = node.first_token; t < last; ++t) SetBit(words, vocabulary.tokens[t]);
    ++i;
  }
  return words;
}

// The part of a key that stands for number `index` of the stack from its top, or for its bottom.
// States that are alike allow the same tokens.
void AppendState(const Compiled& compiled, const Stack& stack, size_t index, std::string& key) {
  const uint32_t state =
      index < stack.size() ? compiled.states[stack[stack.size() - 1 - index]].alike : Walker::kEnd;
  key.append(reinterpret_cast<const char*>(&state), sizeof state);
}

// The mask of one stack: found by as many of its states as it depends on, or made.
std::shared_ptr<const CachedMask> MaskOf(const Compiled& compiled, const Stack& stack) {
  Compiled::Cache& cache = compiled.cache;
  const auto depth = static_cast<uint32_t>(stack.size()) - 1;
  std::string key;
  {
    const std::lock_guard lock(cache.mutex);
    for (size_t looked_at = 1; looked_at <= stack.size() + 1; ++looked_at) {
      AppendState(compiled, stack, looked_at - 1, key);
      const auto found = cache.masks.find(key);
      if (found == cache.masks.end()) break;
      if (found->second == nullptr) continue;
      if (depth + found->second->rise <= constraint::kMaxStack) return found->second;
      break;
    }
  }
  Walker walker(compiled, stack);
  auto made = std::make_shared<CachedMask>();
  made->words = AllowedTokens(*compiled.vocabulary, walker);
  made->rise = walker.rise();
  if (walker.hit_limit()) return made;  // true for this depth only
  const std::lock_guard lock(cache.mutex);
  const size_t bytes = made->words.size() * sizeof(uint64_t) + 256;
  if (cache.bytes + bytes > constraint::kMaxCacheBytes) {
    cache.masks.clear();
    cache.bytes = 0;
  }
  key.clear();
  for (size_t i = 1; i <= walker.looked_at(); ++i) {
    AppendState(compiled, stack, i - 1, key);
    if (i < walker.looked_at()) {
      if (cache.masks.try_emplace(key, nullptr).second) cache.bytes += 128 + key.size();
    } else {
      cache.masks[key] = made;
      cache.bytes += bytes + key.size();
    }
  }
  return made;
}

// The stacks behind `text`, and whether it may end there; false: it leaves the language.
bool Follow(const Compiled& compiled, const std::vector<Stack>& stacks, std::string_view text,
            std::vector<Stack>& reached, bool& complete) {
  constexpr size_t kMaxStacks = 64;
  bool any = false;
  for (const Stack& stack : stacks) {
    Walker walker(compiled, stack);
    std::vector<Place> places = {walker.start()}, next;
    for (const char c : text) {
      walker.Close(places, 0);
      next.clear();
      walker.Step(places, 0, static_cast<uint8_t>(c), next);
      places.swap(next);
    }
    for (const Place& place : places) {
      any = true;
      Stack made = walker.StackOf(place);
      if (made.empty()) {
        complete = true;
      } else if (reached.size() < kMaxStacks &&
                 std::find(reached.begin(), reached.end(), made) == reached.end()) {
        reached.push_back(std::move(made));
      }
    }
    walker.Close(places, 0);
    complete = complete || std::any_of(places.begin(), places.end(), [](const Place& place) {
                 return place.state == Walker::kEnd;
               });
  }
  return any;
}

Result<std::shared_ptr<const Compiled>> CompileFor(
    const Result<Grammar>& grammar, const std::shared_ptr<const Vocabulary>& vocabulary,
    const std::string& object) {
  if (!grammar) return tl::unexpected<Error>(grammar.error());
  return constraint::Compile(*grammar, vocabulary, object);
}

}  // namespace

Result<ConstraintVocabulary> ConstraintVocabulary::Create(const Tokenizer& tokenizer,
                                                          const std::vector<int32_t>& end_ids) {
  if (end_ids.empty()) {
    return BadInput("constrained decoding", "a model without end ids", "at least one");
  }
  for (const int32_t id : end_ids) {
    if (id < 0 || id >= tokenizer.vocab_size()) {
      return BadInput("constrained decoding", fmt::format("end id {}", id),
                      fmt::format("an id below {}", tokenizer.vocab_size()));
    }
  }
  return ConstraintVocabulary(
      std::make_shared<const Vocabulary>(Vocabulary::Make(tokenizer, end_ids)));
}

ConstraintState::ConstraintState(std::shared_ptr<const Compiled> compiled)
    : compiled_(std::move(compiled)),
      stacks_({{compiled_->rule_start[compiled_->root]}}),
      complete_(compiled_->complete_at_start) {}

void ConstraintState::AllowedMask(std::span<uint64_t> mask) const {
  std::fill(mask.begin(), mask.end(), 0);
  if (ended_) return;
  for (const Stack& stack : stacks_) {
    const auto allowed = MaskOf(*compiled_, stack);
    const size_t words = std::min(mask.size(), allowed->words.size());
    for (size_t i = 0; i < words; ++i) mask[i] |= allowed->words[i];
  }
  if (!complete_) return;
  for (const int32_t id : compiled_->vocabulary->end_ids) {
    if (static_cast<size_t>(id) / 64 < mask.size()) SetBit(mask, id);
  }
}

bool ConstraintState::Allows(int32_t id) const {
  ConstraintState copy = *this;
  return copy.Advance(id);
}

bool ConstraintState::Advance(int32_t id) {
  if (ended_ || id < 0) return false;
  const Vocabulary& vocabulary = *compiled_->vocabulary;
  const auto& ends = vocabulary.end_ids;
  if (std::find(ends.begin(), ends.end(), id) != ends.end()) {
    ended_ = complete_;
    if (ended_) return true;
  }
  const auto index = static_cast<size_t>(id);
  if (index >= vocabulary.text.size() || vocabulary.text[index].empty()) return false;
  return AdvanceText(vocabulary.text[index]);
}

bool ConstraintState::AdvanceText(std::string_view text) {
  if (ended_) return false;
  if (text.empty()) return true;
  std::vector<Stack> reached;
  bool complete = false;
  if (!Follow(*compiled_, stacks_, text, reached, complete)) return false;
  std::sort(reached.begin(), reached.end());
  stacks_ = std::move(reached);
  complete_ = complete;
  return true;
}

bool ConstraintState::IsComplete() const { return complete_; }
bool ConstraintState::IsFinished() const { return ended_ || (complete_ && stacks_.empty()); }

Result<Constraint> Constraint::FromJsonSchema(std::string_view schema,
                                              const ConstraintVocabulary& vocabulary) {
  BURIN_ASSIGN(auto compiled, CompileFor(constraint::ReadJsonSchema(schema, "the JSON schema"),
                                         vocabulary.tables_, "the JSON schema"));
  return Constraint(std::move(compiled));
}

Result<Constraint> Constraint::FromJsonSchemaBetween(std::string_view before,
                                                     std::string_view schema,
                                                     std::string_view after,
                                                     const ConstraintVocabulary& vocabulary) {
  auto grammar = constraint::ReadJsonSchema(schema, "the JSON schema");
  if (grammar) {
    grammar->rules.push_back(constraint::Sequence(
        {constraint::Bytes(std::string(before)), constraint::Rule(grammar->root),
         constraint::Optional(constraint::Bytes(std::string(after)))}));
    grammar->names.emplace_back("root");
    grammar->root = static_cast<uint32_t>(grammar->rules.size() - 1);
  }
  BURIN_ASSIGN(auto compiled, CompileFor(grammar, vocabulary.tables_, "the JSON schema"));
  return Constraint(std::move(compiled));
}

Result<Constraint> Constraint::JsonObject(const ConstraintVocabulary& vocabulary) {
  return FromJsonSchema(R"({"type": "object"})", vocabulary);
}

Result<Constraint> Constraint::FromChoices(const std::vector<std::string>& choices,
                                           const ConstraintVocabulary& vocabulary) {
  Grammar grammar;
  std::vector<constraint::Expr> texts;
  for (const std::string& choice : choices) {
    if (!IsValidUtf8(choice)) return BadInput("the choices", "bytes that are no UTF-8");
    texts.push_back(constraint::Bytes(choice));
  }
  grammar.rules = {constraint::Choice(std::move(texts))};
  BURIN_ASSIGN(auto compiled, CompileFor(grammar, vocabulary.tables_, "the choices"));
  return Constraint(std::move(compiled));
}

Result<Constraint> Constraint::FromRegex(std::string_view pattern,
                                         const ConstraintVocabulary& vocabulary) {
  Grammar grammar;
  BURIN_ASSIGN(auto expression, constraint::ReadRegex(pattern, {.whole = true}, "the pattern"));
  grammar.rules = {std::move(expression)};
  BURIN_ASSIGN(auto compiled, CompileFor(grammar, vocabulary.tables_, "the pattern"));
  return Constraint(std::move(compiled));
}

Result<Constraint> Constraint::FromGrammar(std::string_view grammar,
                                           const ConstraintVocabulary& vocabulary) {
  BURIN_ASSIGN(auto compiled, CompileFor(constraint::ReadGbnf(grammar, "the grammar"),
                                         vocabulary.tables_, "the grammar"));
  return Constraint(std::move(compiled));
}

ConstraintState Constraint::Start() const { return ConstraintState(compiled_); }

}  // namespace burin
