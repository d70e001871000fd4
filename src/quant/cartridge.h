// Opening and checking a cartridge: the one file of an engraved model (docs/formats/cartridge.md).
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "base/progress.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "quant/quantized_model.h"

namespace burin {

// Maps the file and returns a model that looks into it. Header, table and metadata are read and
// checked in full (every size, offset, range, and their digests); the tensors are not touched, so
// this takes milliseconds whatever the size. Errors: kIo when the file cannot be read, kBadInput
// for anything that this version would not have written; a file of a later version says so.
Result<QuantizedModel> OpenCartridge(const std::filesystem::path& path);

// The same for bytes in memory, at an address that is a multiple of 64; they must outlive the
// model. `object` names them in errors.
Result<QuantizedModel> OpenCartridge(std::span<const std::byte> bytes, const std::string& object);

// Reads the whole file: the digest of every section, zero in every byte between sections, code 0
// and scale 0 in every place of the fabric that no weight has. The first error in file order is
// returned; it names the section. With OpenCartridge it finds every flipped bit. `progress` may be
// null; it counts bytes.
Status VerifyCartridge(const QuantizedModel& model, ThreadPool& pool, Progress* progress);
Status VerifyCartridge(std::span<const std::byte> bytes, const std::string& object,
                       ThreadPool& pool, Progress* progress);

}  // namespace burin
