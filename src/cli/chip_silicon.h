// The chip model beside the emulator: what `burin serve --chip` says of each answer.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "quant/quantized_model.h"
#include "serve/silicon.h"

namespace burin {

// Places `model` on the chip of that name or file. `model` must outlive the result. Errors: no such
// chip, a model that does not fit it (with the chips that it fits).
Result<std::unique_ptr<SiliconModel>> MakeSilicon(const QuantizedModel& model,
                                                  const std::string& model_name,
                                                  const std::string& chip);

}  // namespace burin
