#include "text/constraint/vocabulary.h"

#include <algorithm>

namespace burin::constraint {

Vocabulary Vocabulary::Make(const Tokenizer& tokenizer, std::vector<int32_t> end_ids) {
  Vocabulary made;
  const int32_t count = tokenizer.vocab_size();
  made.end_ids = std::move(end_ids);
  made.words = (static_cast<size_t>(count) + 63) / 64;
  made.text.resize(static_cast<size_t>(count));
  std::vector<int32_t> order;
  for (int32_t id = 0; id < count; ++id) {
    if (!tokenizer.IsText(id)) continue;
    const std::string_view text = tokenizer.TokenText(id);
    if (text.empty() || text.size() > kMaxTokenBytes) continue;
    made.text[static_cast<size_t>(id)] = text;
    made.longest = std::max(made.longest, static_cast<uint32_t>(text.size()));
    if (text.size() == 1) made.has_byte[static_cast<uint8_t>(text[0])] = true;
    order.push_back(id);
  }
  const auto text_of = [&made](int32_t id) -> const std::string& {
    return made.text[static_cast<size_t>(id)];
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return text_of(a) < text_of(b); });

  std::vector<uint32_t> open;  // the nodes along the text before
  std::string previous;
  for (const int32_t id : order) {
    const std::string& text = text_of(id);
    const auto [differs, other] =
        std::mismatch(text.begin(), text.end(), previous.begin(), previous.end());
    const auto shared = static_cast<size_t>(differs - text.begin());
    const auto now = static_cast<uint32_t>(made.nodes.size());
    for (; open.size() > shared; open.pop_back()) made.nodes[open.back()].end = now;
    for (size_t depth = shared; depth < text.size(); ++depth) {
      open.push_back(static_cast<uint32_t>(made.nodes.size()));
      made.nodes.push_back({0, static_cast<uint32_t>(made.tokens.size()),
                            static_cast<uint16_t>(depth + 1), static_cast<uint8_t>(text[depth])});
    }
    made.tokens.push_back(id);
    previous = text;
  }
  const auto last = static_cast<uint32_t>(made.nodes.size());
  for (const uint32_t node : open) made.nodes[node].end = last;
  made.nodes.push_back({last, static_cast<uint32_t>(made.tokens.size()), 0, 0});
  return made;
}

}  // namespace burin::constraint
