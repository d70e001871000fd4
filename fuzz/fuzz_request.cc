// libFuzzer target: any bytes as the body of a request. Whatever is accepted lies in its ranges.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "serve/chat_request.h"
#include "serve/generation_fields.h"
#include "serve/json_view.h"

namespace {

constexpr int64_t kVocab = 1000;

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckRanges(const burin::GenerationFields& fields) {
  Require(fields.n >= 1 && fields.n <= 128);
  Require(fields.sampling.temperature >= 0 && fields.sampling.temperature <= 2);
  Require(!fields.max_tokens || *fields.max_tokens >= 0);
  for (const int32_t id : fields.stop_ids) Require(id >= 0 && id < kVocab);
  for (const auto& [id, bias] : fields.sampling.logit_bias) Require(id >= 0 && id < kVocab);
  for (const std::string& stop : fields.stop) Require(!stop.empty());
  Require(burin::CheckSamplerSettings(fields.sampling, kVocab).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = burin::JsonDocument::Parse(text);
  if (!document) {
    Require(document.error().status == 400 && !document.error().message.empty());
    return 0;
  }
  const burin::GenerationDefaults defaults;
  burin::GenerationFields fields;
  burin::ReadGeneration((*document)->root(), {defaults, kVocab}, fields);
  if ((*document)->Check()) CheckRanges(fields);
  burin::Conversation conversation;
  burin::ReadConversation((*document)->root(), conversation);
  if ((*document)->Check()) Require(!conversation.messages.empty());
  Require(burin::ToJson(burin::BadField("x", std::string(text))).front() == '{');
  return 0;
}
