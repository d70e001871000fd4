#include "base/check.h"
#include "model/dequantize.h"
#include "model/model.h"

namespace burin {
namespace {

struct TypeInfo {
  const char* name;
  int64_t block;         // weights
  uint64_t block_bytes;  // of those
};

// In the order of TensorType.
constexpr TypeInfo kTypes[] = {
    {"F32", 1, 4},    {"F16", 1, 2},      {"BF16", 1, 2},     {"Q8_0", 32, 34},
    {"Q4_0", 32, 18}, {"Q4_K", 256, 144}, {"Q6_K", 256, 210}, {"Q3_K", 256, 110},
};

const TypeInfo& Info(TensorType type) { return kTypes[static_cast<size_t>(type)]; }

}  // namespace

const char* TensorTypeName(TensorType type) { return Info(type).name; }
int64_t BlockSize(TensorType type) { return Info(type).block; }

uint64_t RowBytes(TensorType type, int64_t cols) {
  BURIN_CHECK(cols >= 0 && cols % Info(type).block == 0);
  return static_cast<uint64_t>(cols / Info(type).block) * Info(type).block_bytes;
}

TensorView::TensorView(std::string name, TensorType type, int64_t rows, int64_t cols,
                       std::span<const std::byte> data, int64_t rotary_head_dim)
    : name_(std::move(name)),
      type_(type),
      rows_(rows),
      cols_(cols),
      data_(data),
      rotary_head_dim_(rotary_head_dim) {
  BURIN_CHECK(rows >= 0 && data.size() == static_cast<uint64_t>(rows) * RowBytes(type, cols));
  BURIN_CHECK(rotary_head_dim == 0 || (rotary_head_dim % 2 == 0 && rows % rotary_head_dim == 0));
}

void TensorView::ReadRow(int64_t row, std::span<float> out) const {
  BURIN_CHECK(row >= 0 && row < rows_ && static_cast<int64_t>(out.size()) >= cols_);
  if (rotary_head_dim_ > 0) {
    // Half-rotation row j * half + i (j = 0, 1) of a head is stored as its row 2 * i + j.
    const int64_t half = rotary_head_dim_ / 2, in_head = row % rotary_head_dim_;
    row += 2 * (in_head % half) + in_head / half - in_head;
  }
  const uint64_t bytes = RowBytes(type_, cols_);
  DequantizeRow(type_, data_.subspan(static_cast<uint64_t>(row) * bytes, bytes),
                out.first(static_cast<size_t>(cols_)));
}

std::vector<float> TensorView::ToFloats() const {
  std::vector<float> all(static_cast<size_t>(rows_ * cols_));
  for (int64_t row = 0; row < rows_; ++row) {
    ReadRow(row,
            std::span(all).subspan(static_cast<size_t>(row * cols_), static_cast<size_t>(cols_)));
  }
  return all;
}

}  // namespace burin
