#include "serve/constraints.h"

namespace burin {

ApiResult<std::shared_ptr<TokenConstraint>> ConstraintMaker::Make(const OutputFormat& format) {
  if (format.kind == OutputFormat::Kind::kText) return std::shared_ptr<TokenConstraint>();
  return Refuse(
      BadField(format.param, "Constrained output is not in this version.", "unsupported_format"));
}

}  // namespace burin
