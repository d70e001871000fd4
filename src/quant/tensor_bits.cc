#include "quant/tensor_bits.h"

#include <charconv>

#include "model/json_reader.h"
#include "quant/tensor_list.h"

namespace burin {
namespace {

constexpr const char* kObject = "--tensor-bits";

bool IsLegal(int bits) { return bits == 3 || bits == 4 || bits == 6; }

// Strips a '.weight' at the end.
std::string_view WithoutWeight(std::string_view name) {
  constexpr std::string_view kSuffix = ".weight";
  return name.ends_with(kSuffix) ? name.substr(0, name.size() - kSuffix.size()) : name;
}

bool Matches(std::string_view pattern, const MatrixEntry& entry, bool tied) {
  const std::string_view bare = WithoutWeight(pattern);
  auto matches = [&](const std::string& name) {
    return GlobMatches(bare, name) || GlobMatches(pattern, name + ".weight");
  };
  return matches(entry.name) ||
         (tied && entry.kind == TensorKind::kEmbedding && matches("lm_head"));
}

std::string NamesText(const ModelConfig& config) {
  return fmt::format(
      "model.embed_tokens, lm_head, or model.layers.N with N = 0 to {} and .self_attn.q_proj, "
      "k_proj, v_proj, o_proj, .mlp.gate_proj, up_proj, down_proj",
      config.layers - 1);
}

struct Rule {
  std::string_view pattern;
  int bits = 0;
};

Result<Rule> ParseRule(std::string_view text) {
  const size_t equal = text.rfind('=');
  Rule rule;
  if (equal != std::string_view::npos && equal > 0) {
    rule.pattern = text.substr(0, equal);
    const std::string_view number = text.substr(equal + 1);
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), rule.bits);
    if (error == std::errc{} && end == number.data() + number.size() && IsLegal(rule.bits)) {
      return rule;
    }
  }
  return BadInput(kObject, fmt::format("'{}'", Printable(text)), "PATTERN=BITS with 3, 4 or 6 bits",
                  "For example lm_head=6,*.down_proj=4");
}

}  // namespace

bool GlobMatches(std::string_view pattern, std::string_view text) {
  // On a mismatch the last '*' takes one character more.
  size_t p = 0, t = 0, star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Result<std::vector<int>> ResolveTensorBits(const ModelConfig& config, int bits,
                                           std::string_view tensor_bits) {
  if (!IsLegal(bits)) return BadInput("--bits", fmt::format("{}", bits), "3, 4 or 6");
  const std::vector<MatrixEntry> entries = MatricesOf(config);
  std::vector<int> result(entries.size(), bits);
  while (!tensor_bits.empty()) {
    const size_t comma = tensor_bits.find(',');
    BURIN_ASSIGN(const Rule rule, ParseRule(tensor_bits.substr(0, comma)));
    tensor_bits =
        comma == std::string_view::npos ? std::string_view() : tensor_bits.substr(comma + 1);
    bool any = false;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (!Matches(rule.pattern, entries[i], config.tied_head)) continue;
      result[i] = rule.bits;
      any = true;
    }
    if (!any) {
      return BadInput(kObject,
                      fmt::format("pattern '{}' matches no tensor", Printable(rule.pattern)),
                      NamesText(config));
    }
  }
  return result;
}

}  // namespace burin
