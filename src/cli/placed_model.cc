#include "cli/placed_model.h"

#include "cost/area.h"
#include "fabric/nearest_chip.h"

namespace burin {

Result<PlacedModel> PlaceModel(const ModelSourceFlags& flags, const std::string& process) {
  BURIN_ASSIGN(ModelSource source, LoadModelSource(flags));
  BURIN_ASSIGN(Constants constants, LoadConstants(source.chip, process));
  auto fabric =
      Place(source.plan, source.chip, SizesFor(source.chip, source.plan.config, constants));
  if (!fabric) return tl::unexpected<Error>(WithNearestChips(fabric.error(), source.plan));
  BURIN_TRY(VerifyPlacement(*fabric));
  return PlacedModel{std::move(source.weights), std::move(constants), std::move(*fabric)};
}

double BitsPerWeight(const PlacedFabric& fabric) {
  double bits = 0, weights = 0;
  for (const PlacedMatrix& m : fabric.matrices) {
    const auto count = static_cast<double>(m.shape.rows) * static_cast<double>(m.shape.cols);
    bits += count * m.shape.bits;
    weights += count;
  }
  return bits / weights;
}

}  // namespace burin
