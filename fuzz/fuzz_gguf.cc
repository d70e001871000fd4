// Any bytes as a GGUF file: every getter on every key, the first and last row of every tensor, and
// the import as a model.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "model/gguf.h"
#include "model/import.h"

namespace {

void AskEverything(const burin::GgufFile& file) {
  for (const std::string_view key : file.keys()) {
    BURIN_CHECK(file.Find(key) != nullptr);
    int answers = 0;
    answers += file.Int(key, INT64_MIN, INT64_MAX).has_value();
    answers += file.Number(key).has_value();
    answers += file.Bool(key).has_value();
    answers += file.String(key).has_value();
    BURIN_CHECK(answers <= 1);  // a scalar has one kind
    (void)file.Strings(key);
    (void)file.Ints(key);
    (void)file.Floats(key);
  }
}

void ReadRows(const burin::GgufFile& file) {
  for (const burin::GgufTensor& tensor : file.tensors()) {
    const auto cols = static_cast<int64_t>(tensor.shape.back());
    int64_t rows = 1;
    for (size_t i = 0; i + 1 < tensor.shape.size(); ++i) {
      rows *= static_cast<int64_t>(tensor.shape[i]);
    }
    const burin::TensorView view(tensor.name, tensor.type, rows, cols, tensor.data);
    std::vector<float> row(static_cast<size_t>(cols));
    view.ReadRow(0, row);
    view.ReadRow(rows - 1, row);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  auto file = burin::GgufFile::Parse(bytes, "fuzz.gguf");
  if (!file) {
    BURIN_CHECK(!file.error().ToString().empty());
    return 0;
  }
  AskEverything(*file);
  ReadRows(*file);
  const auto model = burin::ImportGguf({nullptr, std::move(*file)});
  if (model) {
    BURIN_CHECK(model->head.ToFloats().size() ==
                static_cast<size_t>(model->config.vocab * model->config.hidden));
  }
  return 0;
}
