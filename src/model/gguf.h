// One GGUF file, version 2 or 3, little-endian: typed metadata and tensors, read in place.
// Source: github.com/ggml-org/ggml, docs/gguf.md and src/gguf.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "model/model.h"

namespace burin {

// The codes of the file format.
enum class GgufType : uint32_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kUint64,
  kInt64,
  kFloat64
};
const char* GgufTypeName(GgufType type);

// One metadata value as it lies in the file.
struct GgufValue {
  GgufType type = GgufType::kUint8;
  GgufType element = GgufType::kUint8;  // of a kArray
  uint64_t count = 1;                   // elements of a kArray
  std::span<const std::byte> bytes;  // the value, the text of a kString, the elements of a kArray
};

struct GgufTensor {
  std::string name;
  TensorType type = TensorType::kF32;
  std::vector<uint64_t> shape;      // outermost first, as in a safetensors file: [rows, cols]
  std::span<const std::byte> data;  // whole rows
};

// A parsed file; looks into the bytes given to Parse. Const after that.
class GgufFile {
 public:
  // `object` names the file in errors. Refused: another magic, version or byte order; counts and
  // lengths that the rest of the file cannot hold (checked before anything is allocated); a key or
  // tensor name twice; keys above 65,535 bytes, names above 63; arrays nested deeper than 4; more
  // than 4 dimensions, a shape whose product overflows, rows that are no whole number of blocks; a
  // tensor type other than those of TensorType, by name; an alignment that is no power of two;
  // tensor data that do not follow each other exactly (each start aligned) or leave the file.
  static Result<GgufFile> Parse(std::span<const std::byte> bytes, std::string object);

  const std::string& object() const { return object_; }
  uint32_t version() const { return version_; }
  const std::vector<std::string_view>& keys() const { return keys_; }  // in file order
  const std::vector<GgufTensor>& tensors() const { return tensors_; }  // in file order
  // Everything before the tensor data: the identity of the file but for its weights.
  std::span<const std::byte> header() const { return header_; }

  // nullptr when there is no such key.
  const GgufValue* Find(std::string_view key) const;

  // The value of a key: nullopt when there is none, an error (key, type found, type expected) when
  // it is of another kind. Integers of any width and sign convert when they fit [min, max]; floats
  // of both widths convert. String and array views live as long as the file's bytes.
  Result<std::optional<int64_t>> Int(std::string_view key, int64_t min, int64_t max) const;
  Result<std::optional<double>> Number(std::string_view key) const;
  Result<std::optional<bool>> Bool(std::string_view key) const;
  Result<std::optional<std::string_view>> String(std::string_view key) const;
  Result<std::optional<std::vector<std::string_view>>> Strings(std::string_view key) const;
  Result<std::optional<std::vector<int64_t>>> Ints(std::string_view key) const;  // of any width
  Result<std::optional<std::vector<float>>> Floats(std::string_view key) const;

  // "model.gguf: key 'general.name'", as the object of an error message.
  std::string KeyObject(std::string_view key) const;

 private:
  std::string object_;
  uint32_t version_ = 0;
  std::vector<std::string_view> keys_;
  std::unordered_map<std::string_view, GgufValue> values_;
  std::vector<GgufTensor> tensors_;
  std::span<const std::byte> header_;
};

// A file and its mapping, which must live as long as views into it.
struct OpenGguf {
  std::shared_ptr<const MappedFile> file;
  GgufFile gguf;
};
Result<OpenGguf> OpenGgufFile(const std::filesystem::path& path);

}  // namespace burin
