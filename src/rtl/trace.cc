#include "rtl/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace burin {
namespace {

constexpr uint32_t kMagic = 0x43525442;  // "BTRC"
constexpr uint32_t kVersion = 1;
// Places in the header.
constexpr size_t kTokens = 16, kPrompt = 17;

void AppendWord(uint32_t word, std::string& text) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[(word >> shift) & 15];
  text += '\n';
}

}  // namespace

Trace::Trace(const PlacedFabric& fabric, const EnginePlan& plan, const Sha256Digest& digest,
             int64_t new_tokens)
    : plan_(plan), top_k_(fabric.chip.top_k) {
  header_ = {kMagic, kVersion};
  for (size_t i = 0; i < digest.size(); i += 4) {
    uint32_t word;
    std::memcpy(&word, digest.data() + i, 4);
    header_.push_back(word);
  }
  header_.push_back(static_cast<uint32_t>(plan.lanes));
  header_.push_back(static_cast<uint32_t>(plan.map.words));
  header_.push_back(static_cast<uint32_t>(fabric.chip.top_k));
  header_.push_back(static_cast<uint32_t>(fabric.plan.config.vocab));
  header_.push_back(static_cast<uint32_t>(fabric.plan.config.layers));
  header_.push_back(static_cast<uint32_t>(plan.results.size()));
  header_.push_back(0);  // kTokens
  header_.push_back(0);  // kPrompt
  header_.push_back(static_cast<uint32_t>(new_tokens));
  for (const StepResult& result : plan.results) {
    for (const int64_t field : {static_cast<int64_t>(result.op), int64_t{result.layer},
                                int64_t{result.matrix}, result.address, result.values}) {
      header_.push_back(static_cast<uint32_t>(field));
    }
  }
}

void Trace::Add(const TracedToken& token) {
  ++tokens_;
  if (token.in_prompt) ++prompt_;
  words_.push_back(static_cast<uint32_t>(token.token));
  words_.push_back(token.sampling ? 1 : 0);
  std::vector<uint32_t> cycles = token.cycles;
  cycles.resize(plan_.results.size());
  words_.insert(words_.end(), cycles.begin(), cycles.end());
  int64_t values = 0;
  for (const StepResult& result : plan_.results) values += result.values;
  BURIN_CHECK(static_cast<int64_t>(token.values.size()) == values);
  for (const int32_t value : token.values) words_.push_back(static_cast<uint32_t>(value));
  if (!token.sampling) return;
  for (size_t i = 0; i < token.top_ids.size(); ++i) {
    words_.push_back(static_cast<uint32_t>(token.top_ids[i]));
    words_.push_back(static_cast<uint32_t>(token.top_logits[i]));
  }
}

std::string Trace::ToHex() const {
  std::vector<uint32_t> header = header_;
  header[kTokens] = tokens_;
  header[kPrompt] = prompt_;
  std::string text;
  text.reserve((header.size() + words_.size()) * 9);
  for (const uint32_t word : header) AppendWord(word, text);
  for (const uint32_t word : words_) AppendWord(word, text);
  return text;
}

std::string Trace::Sizes() const {
  return fmt::format(
      "localparam integer TRACE_WORDS = {};\n"
      "localparam integer TRACE_LANES = {};\n"
      "localparam integer TRACE_VECTOR_WORDS = {};\n"
      "localparam integer TRACE_TOP_K = {};\n"
      "localparam integer TRACE_ADAPTER_WORDS = {};\n",
      header_.size() + words_.size(), plan_.lanes, plan_.map.words, top_k_, adapter_words_);
}

Status WriteTrace(const Trace& trace, OutputFolder& folder) {
  BURIN_TRY(folder.Write("sim/trace.hex", trace.ToHex()));
  return folder.Write("sim/trace_size.svh", trace.Sizes());
}

Status WriteAdapterImage(std::span<const std::byte> image, OutputFolder& folder) {
  BURIN_CHECK(image.size() % 4 == 0);
  std::string text;
  for (size_t at = 0; at < image.size(); at += 4) {
    uint32_t word = 0;
    for (size_t i = 4; i-- > 0;) word = word << 8 | std::to_integer<uint32_t>(image[at + i]);
    AppendWord(word, text);
  }
  return folder.Write("sim/adapter.hex", text);
}

}  // namespace burin
