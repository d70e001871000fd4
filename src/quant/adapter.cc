#include "quant/adapter.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/check.h"
#include "quant/fold.h"

namespace burin {
namespace {

constexpr int kLargest = 127;  // mantissa
constexpr int kMinExponent = -128, kMaxExponent = 127;

// One matrix: where it comes from and where it goes.
struct Job {
  const LoraMatrix* lora = nullptr;
  GainView gain;      // folded into the rows of the cartridge's matrix; may be empty
  double factor = 1;  // of B
  AdapterMatrix* matrix = nullptr;
  std::vector<int8_t>* bytes = nullptr;  // a, b, exponents
  std::string object;
};

int8_t Mantissa(double x) {
  return static_cast<int8_t>(std::clamp<double>(std::floor(x + 0.5), -kLargest, kLargest));
}

Result<std::vector<double>> ReadFinite(const TensorView& view, const std::string& object) {
  const std::vector<float> floats = view.ToFloats();
  for (size_t i = 0; i < floats.size(); ++i) {
    if (std::isfinite(floats[i])) continue;
    return BadInput(fmt::format("{}: tensor '{}', row {}", object, view.name(),
                                static_cast<int64_t>(i) / view.cols()),
                    "a weight that is not finite", "finite weights",
                    "The adapter is damaged, or its training diverged.");
  }
  return std::vector<double>(floats.begin(), floats.end());
}

// A' = A * gain to mantissas; returns what one mantissa of each row stands for.
std::vector<double> QuantizeA(const Job& job, std::vector<double>& a, int8_t* out) {
  const auto inputs = static_cast<size_t>(job.matrix->inputs);
  std::vector<double> units;
  for (size_t at = 0; at < a.size(); at += inputs) {
    double largest = 0;
    for (size_t i = 0; i < inputs; ++i) {
      double& value = a[at + i];
      if (!job.gain.mantissas.empty()) {
        value *= std::ldexp(job.gain.mantissas[i], job.gain.exponent);
      }
      largest = std::max(largest, std::abs(value));
    }
    for (size_t i = 0; i < inputs; ++i) {
      out[at + i] = largest > 0 ? Mantissa(a[at + i] * kLargest / largest) : int8_t{0};
    }
    units.push_back(largest / kLargest);
  }
  return units;
}

// The least exponent at which no value of magnitude `largest` rounds beyond 127; nullopt: none is
// large enough.
std::optional<int> ExponentFor(double largest) {
  if (largest == 0) return 0;
  int exponent = std::max(kMinExponent, std::ilogb(largest) - 6);  // 64 <= scaled < 128
  if (std::floor(std::ldexp(largest, -exponent) + 0.5) > kLargest) ++exponent;
  if (exponent > kMaxExponent) return std::nullopt;
  return exponent;
}

Status QuantizeB(const Job& job, const std::vector<double>& b, const std::vector<double>& units,
                 int8_t* out, int8_t* exponents) {
  const size_t rank = units.size(), outputs = static_cast<size_t>(job.matrix->outputs);
  std::vector<double> row(rank);
  for (size_t n = 0; n < outputs; ++n) {
    double largest = 0;
    for (size_t r = 0; r < rank; ++r) {
      row[r] = b[n * rank + r] * job.lora->scale * job.factor * units[r];
      largest = std::max(largest, std::abs(row[r]));
    }
    const auto exponent = ExponentFor(largest);
    if (!exponent) {
      return BadInput(fmt::format("{}: output {}", job.object, n), "weights above 2^134",
                      "a product of A, B and alpha in range", "Is this a trained adapter?");
    }
    exponents[n] = static_cast<int8_t>(*exponent);
    for (size_t r = 0; r < rank; ++r) {
      out[r * outputs + n] = Mantissa(std::ldexp(row[r], -*exponent));
    }
  }
  return {};
}

Status RunJob(const Job& job) {
  AdapterMatrix& matrix = *job.matrix;
  BURIN_ASSIGN(std::vector<double> a, ReadFinite(job.lora->a, job.object));
  BURIN_ASSIGN(const std::vector<double> b, ReadFinite(job.lora->b, job.object));
  job.bytes->resize(a.size() + b.size() + static_cast<size_t>(matrix.outputs));
  const std::span<int8_t> bytes(*job.bytes);
  const auto out_a = bytes.first(a.size()), out_b = bytes.subspan(a.size(), b.size());
  const auto exponents = bytes.subspan(a.size() + b.size());
  const std::vector<double> units = QuantizeA(job, a, out_a.data());
  BURIN_TRY(QuantizeB(job, b, units, out_b.data(), exponents.data()));
  matrix.a = out_a;
  matrix.b = out_b;
  matrix.exponents = exponents;
  return {};
}

// The gain in the rows of the cartridge's matrix of that kind.
GainView FoldedGain(const QuantizedLayer& layer, MatrixKind kind) {
  switch (kind) {
    case MatrixKind::kQ:
    case MatrixKind::kK:
    case MatrixKind::kV:
      return layer.attention_norm;
    case MatrixKind::kGate:
    case MatrixKind::kUp:
      return layer.ffn_norm;
    default:
      return {};
  }
}

Result<std::vector<Job>> MakeJobs(const LoraAdapter& lora, const QuantizedModel& model,
                                  Adapter& adapter, const std::string& object) {
  std::vector<Job> jobs;
  const ModelConfig& c = model.config;
  adapter.layers.resize(static_cast<size_t>(c.layers));
  adapter.storage.resize(adapter.layers.size() * kAdaptedKinds);
  for (size_t i = 0; i < adapter.storage.size(); ++i) {
    const size_t layer = i / kAdaptedKinds;
    const auto kind = static_cast<MatrixKind>(i % kAdaptedKinds);
    const LoraMatrix& from = lora.layers[layer][i % kAdaptedKinds];
    if (from.empty()) continue;
    const std::string name = fmt::format("{}: layer {}, {}", object, layer, MatrixKindName(kind));
    if (from.rank > kMaxAdapterRank) {
      return BadInput(name, fmt::format("rank {}", from.rank),
                      fmt::format("at most {}", kMaxAdapterRank), "Train it with a smaller r.");
    }
    AdapterMatrix& matrix = adapter.layers[layer][i % kAdaptedKinds];
    const TensorShape shape = ShapeOf(c, kind);
    matrix.inputs = shape.cols;
    matrix.outputs = shape.rows;
    matrix.rank = from.rank;
    jobs.push_back({.lora = &from,
                    .gain = FoldedGain(model.layers[layer], kind),
                    .factor = kind == MatrixKind::kQ && !c.qk_norm ? ScoreFactor(c) : 1,
                    .matrix = &matrix,
                    .bytes = &adapter.storage[i],
                    .object = name});
  }
  return jobs;
}

Sha256Digest DigestOf(const Adapter& adapter) {
  Sha256 hash;
  for (const Adapter::Layer& layer : adapter.layers) {
    for (const AdapterMatrix& matrix : layer) {
      hash.Update(std::as_bytes(std::span(&matrix.rank, 1)));
      hash.Update(std::as_bytes(matrix.a));
      hash.Update(std::as_bytes(matrix.b));
      hash.Update(std::as_bytes(matrix.exponents));
    }
  }
  return hash.Finish();
}

}  // namespace

uint64_t Adapter::DataBytes() const {
  uint64_t bytes = 0;
  for (const std::vector<int8_t>& matrix : storage) bytes += matrix.size();
  return bytes;
}

Result<std::shared_ptr<const Adapter>> QuantizeAdapter(const LoraAdapter& lora,
                                                       const QuantizedModel& model,
                                                       ThreadPool* pool,
                                                       const std::string& object) {
  BURIN_CHECK(static_cast<int64_t>(lora.layers.size()) == model.config.layers);
  auto adapter = std::make_shared<Adapter>();
  BURIN_ASSIGN(const std::vector<Job> jobs, MakeJobs(lora, model, *adapter, object));
  std::vector<Status> found(jobs.size());
  const auto run = [&](size_t i) { found[i] = RunJob(jobs[i]); };
  if (pool != nullptr) {
    pool->ForEach(jobs.size(), run);
  } else {
    for (size_t i = 0; i < jobs.size(); ++i) run(i);
  }
  for (Status& status : found) BURIN_TRY(std::move(status));
  adapter->rank = lora.rank;
  adapter->matrices = static_cast<int64_t>(jobs.size());
  adapter->alpha = lora.alpha;
  adapter->scale = lora.scale;
  adapter->base_model = lora.base_model;
  adapter->model = model.digest;
  adapter->digest = DigestOf(*adapter);
  return adapter;
}

Result<std::shared_ptr<const Adapter>> LoadAdapter(const std::filesystem::path& path,
                                                   const QuantizedModel& model, ThreadPool* pool) {
  BURIN_ASSIGN(const LoraAdapter lora, ReadAdapter(path, model.config));
  return QuantizeAdapter(lora, model, pool, path.string());
}

Status CheckAdapterName(std::string_view name) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const bool good = !name.empty() && name.size() <= 64 && alphanumeric(name.front()) &&
                    std::ranges::all_of(name, [&](char c) {
                      return alphanumeric(c) || c == '.' || c == '_' || c == '-';
                    });
  if (good) return {};
  std::string shown;
  for (const char c : name.substr(0, 64)) shown += c >= ' ' && c <= '~' ? c : '?';
  return BadInput("adapter name", fmt::format("'{}'", shown),
                  "1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit");
}

}  // namespace burin
