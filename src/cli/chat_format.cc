#include "cli/chat_format.h"

#include <algorithm>
#include <initializer_list>

namespace burin {
namespace {

using Family = ChatFormat::Family;

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::optional<Family> ByTemplate(std::string_view text) {
  auto has = [text](std::string_view mark) { return text.find(mark) != std::string_view::npos; };
  if (has("<|im_start|>") && has("<|im_end|>")) return Family::kChatMl;
  if (has("<|start_header_id|>") && has("<|eot_id|>")) return Family::kLlama3;
  if (has("[INST]")) return has("<<SYS>>") ? Family::kLlama2 : Family::kMistral;
  if (has("'<|' + message['role'] + '|>' + message['content'] + '<|end|>'")) {
    return Family::kRoleMarks;
  }
  return std::nullopt;
}

std::optional<Family> ByTokens(const Tokenizer& tokenizer) {
  auto has = [&tokenizer](std::initializer_list<std::string_view> marks) {
    return std::ranges::all_of(marks, [&](std::string_view mark) {
      const auto id = tokenizer.TokenId(mark);
      return id && tokenizer.IsSpecial(*id);
    });
  };
  if (has({"<|im_start|>", "<|im_end|>"})) return Family::kChatMl;
  if (has({"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"})) return Family::kLlama3;
  if (has({"<|user|>", "<|assistant|>", "<|end|>"})) return Family::kRoleMarks;
  return std::nullopt;
}

std::string EndMark(Family family, const Tokenizer& tokenizer) {
  switch (family) {
    case Family::kRoleMarks:
      return "<|end|>";
    case Family::kChatMl:
      return "<|im_end|>";
    case Family::kLlama3:
      return "<|eot_id|>";
    default:
      return std::string(tokenizer.eos_text());
  }
}

}  // namespace

// Text between two marks is encoded as one, as the checkpoint's own tokenizer would.
class ChatFormat::Writer {
 public:
  Writer(const Tokenizer& tokenizer, std::vector<int32_t>& ids)
      : tokenizer_(tokenizer), ids_(ids) {}
  ~Writer() { Flush(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Writer& Mark(std::string_view mark) {
    const auto id = tokenizer_.TokenId(mark);
    if (!id) return Text(mark);
    Flush();
    ids_.push_back(*id);
    return *this;
  }
  Writer& Text(std::string_view text) {
    text_ += text;
    return *this;
  }
  // BOS, if the template says so; without a template, if the tokenizer puts one before a text.
  Writer& Begin() {
    const auto bos = tokenizer_.bos_id();
    if (bos && WantsBos(*bos)) ids_.push_back(*bos);
    return *this;
  }

 private:
  bool WantsBos(int32_t bos) const {
    const std::string& chat_template = tokenizer_.chat_template();
    if (!chat_template.empty()) {
      return chat_template.find("bos_token") != std::string::npos ||
             chat_template.find(tokenizer_.bos_text()) != std::string::npos;
    }
    const auto prefix = tokenizer_.Encode("");
    return !prefix.empty() && prefix.front() == bos;
  }
  void Flush() {
    if (text_.empty()) return;
    const auto ids = tokenizer_.Encode(text_, {.add_special = false, .parse_special = false});
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    text_.clear();
  }

  const Tokenizer& tokenizer_;
  std::vector<int32_t>& ids_;
  std::string text_;
};

std::optional<ChatFormat> ChatFormat::Recognise(const Tokenizer& tokenizer) {
  const std::string& chat_template = tokenizer.chat_template();
  const auto family = chat_template.empty() ? ByTokens(tokenizer) : ByTemplate(chat_template);
  if (!family) return std::nullopt;
  return ChatFormat(*family, tokenizer);
}

ChatFormat::ChatFormat(Family family, const Tokenizer& tokenizer)
    : family_(family),
      tokenizer_(tokenizer),
      end_mark_(EndMark(family, tokenizer)),
      stop_ids_(tokenizer.eos_ids()) {
  const auto end = tokenizer.TokenId(end_mark_);
  if (end && std::ranges::find(stop_ids_, *end) == stop_ids_.end()) stop_ids_.push_back(*end);
}

std::string_view ChatFormat::name() const {
  switch (family_) {
    case Family::kRoleMarks:
      return "role marks";
    case Family::kChatMl:
      return "ChatML";
    case Family::kLlama2:
      return "Llama 2";
    case Family::kMistral:
      return "Mistral";
    default:
      return "Llama 3";
  }
}

void ChatFormat::AddUserTurn(std::string_view system, std::string_view content,
                             std::vector<int32_t>& ids) const {
  const bool first = ids.empty(), with_system = first && !system.empty();
  Writer writer(tokenizer_, ids);
  if (first) writer.Begin();
  switch (family_) {
    case Family::kRoleMarks:
      if (with_system) writer.Mark("<|system|>").Text(system).Mark(end_mark_);
      writer.Mark("<|user|>").Text(content).Mark(end_mark_).Mark("<|assistant|>");
      break;
    case Family::kChatMl:
      if (with_system) {
        writer.Mark("<|im_start|>").Text("system\n").Text(system).Mark(end_mark_).Text("\n");
      }
      if (!first) writer.Text("\n");  // behind the end mark of the answer before
      writer.Mark("<|im_start|>").Text("user\n").Text(content).Mark(end_mark_).Text("\n");
      writer.Mark("<|im_start|>").Text("assistant\n");
      break;
    case Family::kLlama3: {
      auto message = [&](std::string_view role, std::string_view text) {
        writer.Mark("<|start_header_id|>").Text(role).Mark("<|end_header_id|>").Text("\n\n");
        writer.Text(Trimmed(text));
      };
      if (with_system) {
        message("system", system);
        writer.Mark(end_mark_);
      }
      message("user", content);
      writer.Mark(end_mark_);
      message("assistant", "");
      break;
    }
    case Family::kLlama2:
      if (!first) writer.Begin();  // each exchange is a text of its own
      writer.Mark("[INST]").Text(" ");
      if (with_system) writer.Text("<<SYS>>\n").Text(Trimmed(system)).Text("\n<</SYS>>\n\n");
      writer.Text(Trimmed(content)).Text(" ").Mark("[/INST]");
      break;
    case Family::kMistral:
      writer.Mark("[INST]").Text(" ");
      if (with_system) writer.Text(Trimmed(system)).Text("\n\n");
      writer.Text(Trimmed(content)).Text(" ").Mark("[/INST]");
      break;
  }
}

void ChatFormat::CloseAnswer(std::vector<int32_t>& ids) const {
  Writer(tokenizer_, ids).Mark(end_mark_);
}

}  // namespace burin
