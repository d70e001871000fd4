#include "mask/low_rank.h"

#include <Eigen/Dense>
#include <algorithm>

#include "base/philox.h"

namespace burin::mask {
namespace {

using Matrix = Eigen::MatrixXf;

// About Gaussian: the sum of four uniform numbers.
Matrix Noise(int64_t rows, int64_t cols) {
  Matrix noise(rows, cols);
  for (int64_t c = 0; c < cols; ++c) {
    for (int64_t r = 0; r < rows; ++r) {
      float sum = 0;
      for (const uint32_t bits : Philox(1, static_cast<uint64_t>(c), static_cast<uint64_t>(r))) {
        sum += static_cast<float>(bits >> 8) * 0x1p-24f - 0.5f;
      }
      noise(r, c) = sum;
    }
  }
  return noise;
}

// An orthonormal basis of the columns.
Matrix Orthonormal(const Matrix& m) {
  const Eigen::HouseholderQR<Matrix> qr(m);
  return qr.householderQ() * Matrix::Identity(m.rows(), std::min(m.rows(), m.cols()));
}

}  // namespace

std::vector<double> EnergyByRank(std::span<const float> values, int64_t rows, int64_t cols,
                                 int most) {
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const RowMajor> a(values.data(), rows, cols);
  std::vector<double> energy(static_cast<size_t>(most), 1.0);
  double total = 0;
  for (const float v : values) total += static_cast<double>(v) * v;
  if (total == 0) return energy;
  constexpr int64_t kMore = 8;
  constexpr int kPowerIterations = 2;
  Matrix q = Orthonormal(a * Noise(cols, std::min({most + kMore, rows, cols})));
  for (int i = 0; i < kPowerIterations; ++i) {
    const Matrix back = Orthonormal(a.transpose() * q);
    q = Orthonormal(a * back);
  }
  const Matrix small = q.transpose() * a;
  // Singular values of `small` by the eigenvalues of its Gram matrix, in double.
  const Eigen::MatrixXd wide = small.cast<double>();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(wide * wide.transpose(),
                                                              Eigen::EigenvaluesOnly);
  const auto& rising = solver.eigenvalues();
  double kept = 0;
  for (int r = 0; r < most; ++r) {
    if (r < rising.size()) kept += std::max(0.0, rising(rising.size() - 1 - r));
    energy[static_cast<size_t>(r)] = std::min(1.0, kept / total);
  }
  return energy;
}

}  // namespace burin::mask
