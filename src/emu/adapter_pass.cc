#include "emu/adapter_pass.h"

#include <algorithm>

namespace burin {
namespace {

constexpr int64_t kOutputsAPiece = 512;

// One call of AddAdapters; an item is a token in a matrix.
class AdapterPass {
 public:
  AdapterPass(const KernelSet& kernels, std::span<const MatrixPass> passes,
              const BlockFloatBatch& x, std::span<const Adapter* const> adapters,
              AdapterScratch& scratch)
      : kernels_(kernels), passes_(passes), x_(x), adapters_(adapters), scratch_(scratch) {
    const size_t items = passes.size() * adapters.size();
    if (scratch.exponents.size() < items) {
      scratch.exponents.resize(items);
      scratch.mantissas.resize(items * static_cast<size_t>(kMaxAdapterRank));
    }
  }

  size_t items() const { return passes_.size() * adapters_.size(); }

  // Null: no addition.
  const AdapterMatrix* MatrixOf(size_t item) const {
    const Adapter* adapter = adapters_[item % adapters_.size()];
    if (adapter == nullptr) return nullptr;
    const MatrixId id = passes_[item / adapters_.size()].id;
    const AdapterMatrix& matrix = adapter->At(id.layer, id.kind);
    return matrix.empty() ? nullptr : &matrix;
  }

  int64_t MultiplyAdds() const {
    int64_t sum = 0;
    for (size_t item = 0; item < items(); ++item) {
      const AdapterMatrix* m = MatrixOf(item);
      if (m != nullptr) sum += m->rank * (m->inputs + m->outputs);
    }
    return sum;
  }

  void Down(size_t item) const {
    const AdapterMatrix* m = MatrixOf(item);
    if (m == nullptr) return;
    scratch_.exponents[item] = kernels_.adapter_rank_vector(
        *m, x_, static_cast<int64_t>(item % adapters_.size()), Mantissas(item));
  }

  void Up(size_t item, int64_t begin, int64_t end) const {
    const AdapterMatrix* m = MatrixOf(item);
    if (m == nullptr) return;
    const MatrixPass& pass = passes_[item / adapters_.size()];
    const auto token = static_cast<int64_t>(item % adapters_.size());
    const std::span<int32_t> out(pass.out + token * m->outputs, static_cast<size_t>(m->outputs));
    kernels_.add_adapter_outputs(*m, Mantissas(item), scratch_.exponents[item], pass.fraction,
                                 std::min(begin, m->outputs), std::min(end, m->outputs), out);
  }

  int64_t MostOutputs() const {
    int64_t most = 0;
    for (size_t item = 0; item < items(); ++item) {
      const AdapterMatrix* m = MatrixOf(item);
      if (m != nullptr) most = std::max(most, m->outputs);
    }
    return most;
  }

 private:
  int8_t* Mantissas(size_t item) const {
    return scratch_.mantissas.data() + item * static_cast<size_t>(kMaxAdapterRank);
  }

  const KernelSet& kernels_;
  const std::span<const MatrixPass> passes_;
  const BlockFloatBatch& x_;
  const std::span<const Adapter* const> adapters_;
  AdapterScratch& scratch_;
};

}  // namespace

void AddAdapters(const KernelSet& kernels, std::span<const MatrixPass> passes,
                 const BlockFloatBatch& x, std::span<const Adapter* const> adapters,
                 AdapterScratch& scratch, ThreadPool* pool) {
  if (std::ranges::all_of(adapters, [](const Adapter* a) { return a == nullptr; })) return;
  const AdapterPass work(kernels, passes, x, adapters, scratch);
  const int64_t outputs = work.MostOutputs();
  if (pool == nullptr || work.MultiplyAdds() < kParallelMultiplyAdds) {
    for (size_t item = 0; item < work.items(); ++item) {
      work.Down(item);
      work.Up(item, 0, outputs);
    }
    return;
  }
  pool->ForEach(work.items(), [&](size_t item) { work.Down(item); });
  const auto pieces = static_cast<size_t>((outputs + kOutputsAPiece - 1) / kOutputsAPiece);
  pool->ForEach(work.items() * pieces, [&](size_t i) {
    const auto begin = static_cast<int64_t>(i % pieces) * kOutputsAPiece;
    work.Up(i / pieces, begin, begin + kOutputsAPiece);
  });
}

}  // namespace burin
