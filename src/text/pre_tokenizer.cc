#include "text/pre_tokenizer.h"

#include <unicode/uchar.h>

#include <algorithm>

#include "text/normalizer.h"
#include "text/utf8.h"

namespace burin {
namespace {

using Step = PreTokenizerStep;

// A stretch of the text, and whether the pattern matched it.
struct Stretch {
  size_t begin;
  size_t end;
  bool matched;
};

// True for the characters that Digits cuts out: general category N* (Rust char::is_numeric).
bool IsNumeric(char32_t code) {
  if (code < 0x80) return code >= '0' && code <= '9';
  return (U_GET_GC_MASK(static_cast<UChar32>(code)) & U_GC_N_MASK) != 0;
}

// Joins stretches as `behavior` says and gives what is left, in order, to `emit`.
template <typename Emit>
void EmitStretches(std::vector<Stretch>& stretches, Step::Behavior behavior, const Emit& emit) {
  using Behavior = Step::Behavior;
  std::vector<Stretch> joined;
  bool previous_matched = false;
  const bool backward = behavior == Behavior::kMergedNext;
  if (backward) std::reverse(stretches.begin(), stretches.end());
  for (const Stretch& stretch : stretches) {
    bool join = false;
    if (behavior == Behavior::kContiguous) join = stretch.matched == previous_matched;
    if (behavior == Behavior::kMergedPrevious || backward) {
      join = stretch.matched && !previous_matched;
    }
    previous_matched = stretch.matched;
    if (join && !joined.empty()) {
      joined.back().begin = std::min(joined.back().begin, stretch.begin);
      joined.back().end = std::max(joined.back().end, stretch.end);
    } else if (behavior != Behavior::kRemoved || !stretch.matched) {
      joined.push_back(stretch);
    }
  }
  if (backward) std::reverse(joined.begin(), joined.end());
  for (const Stretch& stretch : joined) emit(stretch.begin, stretch.end);
}

}  // namespace

Result<PreTokenizer> PreTokenizer::Build(std::vector<PreTokenizerStep> steps,
                                         const std::string& object) {
  PreTokenizer built;
  for (const PreTokenizerStep& step : steps) {
    built.regex_index_.push_back(built.regexes_.size());
    if (step.kind != Step::Kind::kRegex) continue;
    BURIN_ASSIGN(Regex regex, Regex::Compile(step.text, object + ": pre_tokenizer"));
    built.regexes_.push_back(std::move(regex));
  }
  built.steps_ = std::move(steps);
  return built;
}

PreTokenizer::Scratch PreTokenizer::MakeScratch() const {
  Scratch scratch;
  for (const Regex& regex : regexes_) scratch.emplace_back(regex);
  return scratch;
}

// One pass over a text: step `index` cuts it and gives each part to step `index + 1`.
struct PreTokenizer::Walk {
  const PreTokenizer& self;
  Scratch& scratch;
  const WordSink& sink;

  void Run(size_t index, std::string_view text, bool at_start) const {
    if (text.empty()) return;
    if (index == self.steps_.size()) return sink(text);
    const Step& step = self.steps_[index];
    switch (step.kind) {
      case Step::Kind::kMetaspace:
        return Metaspace(index, text, at_start);
      case Step::Kind::kPrefixSpace:
        if (text.front() == ' ') return Run(index + 1, text, at_start);
        return Run(index + 1, " " + std::string(text), at_start);
      case Step::Kind::kLiteral:
        return Literal(index, text, at_start);
      case Step::Kind::kRegex:
      case Step::Kind::kDigits:
        break;
    }
    for (size_t pos = 0; pos < text.size();) {
      const Utf8Run run = NextUtf8Run(text, pos);
      const std::string_view piece = text.substr(pos, run.end - pos);
      const bool start = at_start && pos == 0;
      if (!run.valid) {
        Run(index + 1, piece, start);
      } else if (step.kind == Step::Kind::kRegex) {
        SplitByRegex(index, piece, start);
      } else {
        Digits(index, piece, start);
      }
      pos = run.end;
    }
  }

  void SplitByRegex(size_t index, std::string_view text, bool at_start) const {
    const Step& step = self.steps_[index];
    Regex::Searcher& searcher = scratch[self.regex_index_[index]];
    std::vector<Stretch> stretches;
    const bool isolated = step.behavior == Step::Behavior::kIsolated;
    const auto add = [&](size_t begin, size_t end, bool matched) {
      if (begin == end) return;
      if (isolated) return Run(index + 1, text.substr(begin, end - begin), at_start && begin == 0);
      stretches.push_back({begin, end, matched != step.invert});
    };
    size_t done = 0, from = 0;
    for (PatternMatch match; from <= text.size() && searcher.Find(text, from, &match);) {
      add(done, match.begin, false);
      add(match.begin, match.end, true);
      done = from = match.end;
      if (match.begin == match.end) {  // an empty match cuts here; look on behind a character
        from += from < text.size() ? NextUtf8(text, from).length : 1;
      }
    }
    add(done, text.size(), false);
    EmitStretches(stretches, step.behavior, [&](size_t begin, size_t end) {
      Run(index + 1, text.substr(begin, end - begin), at_start && begin == 0);
    });
  }

  void Literal(size_t index, std::string_view text, bool at_start) const {
    const Step& step = self.steps_[index];
    std::vector<Stretch> stretches;
    size_t done = 0;
    for (size_t hit; (hit = text.find(step.text, done)) != std::string_view::npos;) {
      if (done < hit) stretches.push_back({done, hit, step.invert});
      done = hit + step.text.size();
      stretches.push_back({hit, done, !step.invert});
    }
    if (done < text.size()) stretches.push_back({done, text.size(), step.invert});
    EmitStretches(stretches, step.behavior, [&](size_t begin, size_t end) {
      Run(index + 1, text.substr(begin, end - begin), at_start && begin == 0);
    });
  }

  void Digits(size_t index, std::string_view text, bool at_start) const {
    const bool individual = self.steps_[index].individual;
    size_t begin = 0;
    bool previous = false;
    for (size_t pos = 0; pos < text.size();) {
      const Utf8Step character = NextUtf8(text, pos);
      const bool numeric = IsNumeric(character.code);
      if (pos > 0 && (numeric != previous || (numeric && individual))) {
        Run(index + 1, text.substr(begin, pos - begin), at_start && begin == 0);
        begin = pos;
      }
      previous = numeric;
      pos += character.length;
    }
    Run(index + 1, text.substr(begin), at_start && begin == 0);
  }

  void Metaspace(size_t index, std::string_view text, bool at_start) const {
    const Step& step = self.steps_[index];
    std::string replaced = ReplaceAll(text, " ", step.text);
    const bool wanted = step.prepend == Step::Prepend::kAlways ||
                        (step.prepend == Step::Prepend::kFirst && at_start);
    if (wanted && !replaced.starts_with(step.text)) replaced.insert(0, step.text);
    if (!step.split) return Run(index + 1, replaced, at_start);
    const std::string_view whole = replaced;
    for (size_t begin = 0; begin < whole.size();) {
      const size_t end = std::min(whole.find(step.text, begin + 1), whole.size());
      Run(index + 1, whole.substr(begin, end - begin), at_start && begin == 0);
      begin = end;
    }
  }
};

void PreTokenizer::Split(std::string_view text, bool at_start, Scratch& scratch,
                         const WordSink& sink) const {
  Walk{*this, scratch, sink}.Run(0, text, at_start);
}

}  // namespace burin
