#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <utility>

#include "text/definition.h"

namespace burin {
namespace {

constexpr uint32_t kMatchLimit = 20'000'000;  // steps of one search
constexpr uint32_t kHeapLimitKib = 64 * 1024;
constexpr uint32_t kNestingLimit = 64;

// White_Space of Unicode. PCRE2's own \s has U+180E too, which left White_Space in Unicode 6.3.
constexpr std::string_view kSpaces =
    R"(\x09-\x0D\x20\x85\xA0\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
constexpr std::string_view kNotSpaces =
    R"(\x00-\x08\x0E-\x1F\x21-\x84\x86-\x9F\xA1-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027})"
    R"(\x{202A}-\x{202E}\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{10FFFF})";
// Oniguruma's word characters; PCRE2 10.42 has \p{L}\p{N}_ instead.
constexpr std::string_view kWord = R"(\p{L}\p{M}\p{Nd}\p{Pc})";

std::string PcreMessage(int code) {
  PCRE2_UCHAR buffer[256];
  if (pcre2_get_error_message(code, buffer, sizeof buffer) < 0)
    return fmt::format("error {}", code);
  return reinterpret_cast<const char*>(buffer);
}

// One escape "\c": what to write for it, or an empty string to keep it as it is.
Result<std::string> TranslateEscape(char c, bool in_class, const std::string& object) {
  const auto wrap = [&](std::string_view set, const char* open) {
    return in_class ? std::string(set) : open + std::string(set) + "]";
  };
  switch (c) {
    case 's':
      return wrap(kSpaces, "[");
    case 'S':
      return wrap(kNotSpaces, "[");
    case 'w':
      return wrap(kWord, "[");
    case 'W':
      if (!in_class) return wrap(kWord, "[^");
      [[fallthrough]];
    case 'h':
    case 'H':
    case 'K':
    case 'Q':
    case 'E':
    case 'C':
    case 'R':
    case 'X':
      return BadInput(object, fmt::format("the escape \\{} in the pattern", c),
                      "escapes that every regular-expression engine reads alike",
                      "This pre-tokenizer is not supported.");
    default:
      return std::string();
  }
}

struct CodeDeleter {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct CompileContextDeleter {
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
};
struct MatchContextDeleter {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
struct MatchDataDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

}  // namespace

Result<std::string> TranslatePattern(std::string_view pattern, const std::string& object) {
  const auto refuse = [&](const char* what) {
    return BadInput(object, fmt::format("{} in the pattern", what),
                    "a pattern that every regular-expression engine reads alike",
                    "This pre-tokenizer is not supported.");
  };
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    const std::string_view rest = pattern.substr(i + 1);
    if (c == '\\' && !rest.empty()) {
      BURIN_ASSIGN(const std::string text, TranslateEscape(rest[0], in_class, object));
      out += text.empty() ? std::string(pattern.substr(i, 2)) : text;
      ++i;
      continue;
    }
    if (in_class) {
      if (c == '[' && !rest.starts_with(':')) return refuse("a class inside a class");
      if (c == '&' && rest.starts_with('&')) return refuse("a class intersection");
      if (c == '[') {  // [:alpha:]
        const size_t close = pattern.find(":]", i + 2);
        if (close == std::string_view::npos) return refuse("an open [:");
        out += pattern.substr(i, close + 2 - i);
        i = close + 1;
        continue;
      }
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
      out += c;
      if (i + 1 < pattern.size() && pattern[i + 1] == '^') out += pattern[++i];
      if (i + 1 < pattern.size() && pattern[i + 1] == ']') out += "\\", out += pattern[++i];
      continue;
    } else if (c == '(' && rest.starts_with('*')) {
      return refuse("a verb (*");
    }
    out += c;
  }
  return out;
}

struct Regex::Impl {
  std::unique_ptr<pcre2_code, CodeDeleter> code;
  bool jit = false;
};

struct Regex::Searcher::State {
  const Impl* regex;
  std::unique_ptr<pcre2_match_data, MatchDataDeleter> data;
  std::unique_ptr<pcre2_match_context, MatchContextDeleter> context;
  bool gave_up = false;
};

Result<Regex> Regex::Compile(std::string_view pattern, const std::string& object) {
  if (pattern.size() > kMaxPatternBytes) {
    return BadInput(object, fmt::format("a pattern of {} bytes", pattern.size()),
                    fmt::format("at most {}", kMaxPatternBytes));
  }
  BURIN_ASSIGN(const std::string translated, TranslatePattern(pattern, object));
  std::unique_ptr<pcre2_compile_context, CompileContextDeleter> context(
      pcre2_compile_context_create(nullptr));
  if (context == nullptr) return IoError(object, "no memory for the pattern");
  pcre2_set_parens_nest_limit(context.get(), kNestingLimit);
  int code = 0;
  size_t offset = 0;
  auto impl = std::make_unique<Impl>();
  impl->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                                 PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                                 &code, &offset, context.get()));
  if (impl->code == nullptr) {
    return BadInput(object,
                    fmt::format("a wrong pattern {}: {}", Quoted(pattern), PcreMessage(code)),
                    "a regular expression");
  }
  impl->jit = pcre2_jit_compile(impl->code.get(), PCRE2_JIT_COMPLETE) == 0;
  return Regex(std::move(impl));
}

Regex::Regex(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Regex::Searcher::Searcher(const Regex& regex) : state_(std::make_unique<State>()) {
  state_->regex = regex.impl_.get();
  state_->data.reset(pcre2_match_data_create(1, nullptr));
  state_->context.reset(pcre2_match_context_create(nullptr));
  state_->gave_up = state_->data == nullptr || state_->context == nullptr;
  if (state_->gave_up) return;
  pcre2_set_match_limit(state_->context.get(), kMatchLimit);
  pcre2_set_depth_limit(state_->context.get(), kMatchLimit);
  pcre2_set_heap_limit(state_->context.get(), kHeapLimitKib);
}
Regex::Searcher::Searcher(Searcher&&) noexcept = default;
Regex::Searcher::~Searcher() = default;

bool Regex::Searcher::Find(std::string_view text, size_t from, PatternMatch* match) {
  if (state_->gave_up) return false;
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  const pcre2_code* code = state_->regex->code.get();
  int count = PCRE2_ERROR_JIT_STACKLIMIT;
  if (state_->regex->jit) {
    count = pcre2_jit_match(code, subject, text.size(), from, 0, state_->data.get(),
                            state_->context.get());
  }
  if (count == PCRE2_ERROR_JIT_STACKLIMIT) {
    count = pcre2_match(code, subject, text.size(), from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                        state_->data.get(), state_->context.get());
  }
  if (count == PCRE2_ERROR_NOMATCH) return false;
  if (count < 0) {
    state_->gave_up = true;
    return false;
  }
  const size_t* offsets = pcre2_get_ovector_pointer(state_->data.get());
  *match = {offsets[0], offsets[1]};
  return offsets[0] >= from && offsets[1] >= offsets[0] && offsets[1] <= text.size();
}

}  // namespace burin
