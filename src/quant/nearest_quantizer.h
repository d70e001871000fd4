// Nearest level, best scale: the quantizer that looks at each group and column by itself.
#pragma once

#include "quant/column_quantizer.h"

namespace burin {

// Fit: codebook and group scales of the sample are improved in turn, from a symmetric and from an
// asymmetric (zero is a level) start; the pair of least weighted error wins. T is the least at
// which the largest weight is within the largest level at scale byte 255. QuantizeTile:
// SearchScales and AssignCodes for each group.
class NearestQuantizer : public ColumnQuantizer {
 public:
  std::string_view name() const override { return "nearest"; }
  MatrixFit Fit(const FitSample& sample) const override;
  TileError QuantizeTile(const TileInput& input, const MatrixFit& fit,
                         const TileOutput& output) const override;
};

// The least T in [kMinMatrixExponent, kMaxMatrixExponent] with largest <= level * 31 * 2^T; the
// greatest if there is none.
int MatrixExponentFor(float largest, int largest_level);

}  // namespace burin
