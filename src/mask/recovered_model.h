// What masks hold of a model, put together page by page: codes, scales and tables, and from them
// the digest of the cartridge that they are. Internal to the reader.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "fabric/placed_fabric.h"

namespace burin::mask {

class RecoveredModel {
 public:
  RecoveredModel() = default;
  // Empty matrices of that plan. Errors: less free memory than they take.
  static Result<RecoveredModel> Create(const PlacedFabric& fabric);

  // The codes of a block from the values of its page, [chip.rows][chip.columns]; bits beyond a
  // code's width are dropped. Threads may take different blocks at the same time.
  void TakeCodes(const PlacedFabric& fabric, const PlacedBlock& block,
                 std::span<const uint8_t> values);
  // Of a matrix, to be filled by TakePageConstants.
  std::span<uint8_t> scales(size_t matrix) { return scales_[matrix]; }

  // The root digest that a cartridge with these codes, scales and the content of the table units
  // has (docs/formats/cartridge.md); empty if the tables are no such content.
  std::optional<Sha256Digest> Digest(const PlacedFabric& fabric,
                                     std::span<const uint8_t> tables) const;

 private:
  std::vector<std::vector<uint8_t>> codes_, scales_;  // of each matrix
};

}  // namespace burin::mask
