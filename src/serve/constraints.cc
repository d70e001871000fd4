#include "serve/constraints.h"

#include <algorithm>

namespace burin {
namespace {

constexpr size_t kRecent = 16;

class StateConstraint final : public TokenConstraint {
 public:
  explicit StateConstraint(ConstraintState state) : state_(std::move(state)) {}
  void Allowed(std::span<uint64_t> mask) override { state_.AllowedMask(mask); }
  bool Advance(int32_t id) override { return state_.Advance(id) && !state_.IsFinished(); }

 private:
  ConstraintState state_;
};

std::string KeyOf(const OutputFormat& format) {
  std::string key(1, static_cast<char>('0' + static_cast<int>(format.kind)));
  key += format.text;
  for (const std::string& choice : format.choices) {
    key += std::to_string(choice.size()) + ":" + choice;
  }
  return key;
}

}  // namespace

std::shared_ptr<TokenConstraint> StartConstraint(const Constraint& constraint) {
  return std::make_shared<StateConstraint>(constraint.Start());
}

Result<Constraint> ConstraintMaker::Compile(const OutputFormat& format) const {
  switch (format.kind) {
    case OutputFormat::Kind::kJsonSchema:
      return Constraint::FromJsonSchema(format.text, vocabulary_);
    case OutputFormat::Kind::kRegex:
      return Constraint::FromRegex(format.text, vocabulary_);
    case OutputFormat::Kind::kChoice:
      return Constraint::FromChoices(format.choices, vocabulary_);
    case OutputFormat::Kind::kGrammar:
      return Constraint::FromGrammar(format.text, vocabulary_);
    default:
      return Constraint::JsonObject(vocabulary_);
  }
}

ApiResult<std::shared_ptr<TokenConstraint>> ConstraintMaker::Make(const OutputFormat& format) {
  if (format.kind == OutputFormat::Kind::kText) return std::shared_ptr<TokenConstraint>();
  const std::string key = KeyOf(format);
  {
    const std::lock_guard lock(mutex_);
    const auto it = std::ranges::find(recent_, key, [](const auto& item) { return item.first; });
    if (it != recent_.end()) {
      recent_.splice(recent_.begin(), recent_, it);
      return StartConstraint(it->second);
    }
  }
  auto compiled = Compile(format);  // not under the lock: a large schema takes its time
  if (!compiled) {
    return Refuse(BadField(format.param, compiled.error().ToString(), "unsupported_format"));
  }
  auto made = StartConstraint(*compiled);
  const std::lock_guard lock(mutex_);
  recent_.emplace_front(key, std::move(*compiled));
  if (recent_.size() > kRecent) recent_.pop_back();
  return made;
}

}  // namespace burin
