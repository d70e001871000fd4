#include "cli/tensor_groups.h"

#include <algorithm>
#include <set>

#include "quant/tensor_list.h"

namespace burin {

std::string KindOfTensor(std::string_view name) {
  return std::string(name.substr(name.rfind('.') + 1));
}

std::vector<TensorGroup> GroupTensors(const std::vector<EngravedTensor>& tensors) {
  std::vector<TensorGroup> groups;
  std::vector<std::set<int>> bits;
  for (const EngravedTensor& tensor : tensors) {
    const std::string kind = KindOfTensor(tensor.name);
    auto at =
        static_cast<size_t>(std::ranges::find(groups, kind, &TensorGroup::kind) - groups.begin());
    if (at == groups.size()) {
      groups.push_back({.kind = kind});
      bits.emplace_back();
    }
    TensorGroup& group = groups[at];
    const auto weights = static_cast<uint64_t>(tensor.rows * tensor.cols);
    ++group.tensors;
    group.weights += weights;
    group.bytes += tensor.bytes;
    group.error += tensor.error * static_cast<double>(weights);
    bits[at].insert(tensor.bits);
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    groups[i].error /= static_cast<double>(groups[i].weights);
    groups[i].bits = fmt::format("{}", fmt::join(bits[i], "/"));
  }
  return groups;
}

std::vector<EngravedTensor> TensorsOf(const QuantizedModel& model) {
  const auto entries = MatricesOf(model.config);
  const auto matrices = MatricesIn(model);
  std::vector<EngravedTensor> tensors;
  for (size_t i = 0; i < entries.size(); ++i) {
    const MatrixShape& shape = matrices[i]->shape;
    tensors.push_back({.name = entries[i].name,
                       .rows = shape.rows,
                       .cols = shape.cols,
                       .bits = shape.bits,
                       .bytes = shape.CodeBytes() + shape.ScaleBytes()});
  }
  return tensors;
}

double BitsPerWeight(const std::vector<EngravedTensor>& tensors) {
  uint64_t bytes = 0;
  double weights = 0;
  for (const EngravedTensor& tensor : tensors) {
    bytes += tensor.bytes;
    weights += static_cast<double>(tensor.rows) * static_cast<double>(tensor.cols);
  }
  return 8 * static_cast<double>(bytes) / weights;
}

}  // namespace burin
