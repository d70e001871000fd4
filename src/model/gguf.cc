#include "model/gguf.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_set>

#include "model/json_reader.h"

namespace burin {
namespace {

constexpr uint64_t kMaxKeyBytes = 65535, kMaxNameBytes = 63, kMaxDimensions = 4;
constexpr int kMaxNesting = 4;
constexpr const char* kAgain = "Download the file again.";

struct ValueType {
  const char* name;
  uint64_t bytes;  // 0: of its own length
};
// In the order of GgufType.
constexpr ValueType kValueTypes[] = {
    {"uint8", 1},  {"int8", 1},    {"uint16", 2},  {"int16", 2},  {"uint32", 4},
    {"int32", 4},  {"float32", 4}, {"bool", 1},    {"string", 0}, {"array", 0},
    {"uint64", 8}, {"int64", 8},   {"float64", 8},
};
constexpr uint32_t kValueTypeCount = std::size(kValueTypes);

struct StoredType {
  const char* name;
  std::optional<TensorType> type;  // nullopt: known by name only
};
// In the order of ggml_type (ggml.h).
const StoredType kStoredTypes[] = {
    {"F32", TensorType::kF32},
    {"F16", TensorType::kF16},
    {"Q4_0", TensorType::kQ4_0},
    {"Q4_1", {}},
    {"Q4_2", {}},
    {"Q4_3", {}},
    {"Q5_0", {}},
    {"Q5_1", {}},
    {"Q8_0", TensorType::kQ8_0},
    {"Q8_1", {}},
    {"Q2_K", {}},
    {"Q3_K", TensorType::kQ3_K},
    {"Q4_K", TensorType::kQ4_K},
    {"Q5_K", {}},
    {"Q6_K", TensorType::kQ6_K},
    {"Q8_K", {}},
    {"IQ2_XXS", {}},
    {"IQ2_XS", {}},
    {"IQ3_XXS", {}},
    {"IQ1_S", {}},
    {"IQ4_NL", {}},
    {"IQ3_S", {}},
    {"IQ2_S", {}},
    {"IQ4_XS", {}},
    {"I8", {}},
    {"I16", {}},
    {"I32", {}},
    {"I64", {}},
    {"F64", {}},
    {"IQ1_M", {}},
    {"BF16", TensorType::kBF16},
    {"Q4_0_4_4", {}},
    {"Q4_0_4_8", {}},
    {"Q4_0_8_8", {}},
    {"TQ1_0", {}},
    {"TQ2_0", {}},
    {"IQ4_NL_4_4", {}},
    {"IQ4_NL_4_8", {}},
    {"IQ4_NL_8_8", {}},
    {"MXFP4", {}},
};

// Walks through the bytes of a file; every step is checked against what is left.
class Cursor {
 public:
  Cursor(std::span<const std::byte> bytes, const std::string& object)
      : bytes_(bytes), object_(object) {}

  uint64_t position() const { return position_; }
  uint64_t left() const { return bytes_.size() - position_; }
  const std::string& object() const { return object_; }

  Result<std::span<const std::byte>> Take(uint64_t count, const char* what) {
    if (count > left()) {
      return BadInput(object_, fmt::format("{} of {} bytes at byte {}", what, count, position_),
                      fmt::format("at most {} (the file is cut short)", left()), kAgain);
    }
    const auto taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }
  template <typename T>
  Result<T> Read(const char* what) {
    BURIN_ASSIGN(const auto bytes, Take(sizeof(T), what));
    T value;
    std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  // u64 length, then the bytes.
  Result<std::string_view> String(const char* what, uint64_t max_bytes = UINT64_MAX) {
    BURIN_ASSIGN(const uint64_t length, Read<uint64_t>(what));
    if (length > max_bytes) {
      return BadInput(object_, fmt::format("{} of {} bytes at byte {}", what, length, position_),
                      fmt::format("at most {}", max_bytes), kAgain);
    }
    BURIN_ASSIGN(const auto bytes, Take(length, what));
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

 private:
  const std::span<const std::byte> bytes_;
  const std::string& object_;
  uint64_t position_ = 0;
};

Result<GgufType> ReadType(Cursor& cursor) {
  BURIN_ASSIGN(const auto code, cursor.Read<uint32_t>("value type"));
  if (code >= kValueTypeCount) {
    return BadInput(cursor.object(), fmt::format("value type {}", code),
                    fmt::format("0 to {}", kValueTypeCount - 1), kAgain);
  }
  return static_cast<GgufType>(code);
}

// Walks over the elements of an array; the recursion is bounded by kMaxNesting.
Result<GgufValue> ReadArray(Cursor& cursor, std::span<const std::byte> file, int depth) {
  if (depth == kMaxNesting) {
    return BadInput(cursor.object(), "arrays within arrays",
                    fmt::format("at most {} levels", kMaxNesting), kAgain);
  }
  GgufValue value;
  value.type = GgufType::kArray;
  BURIN_ASSIGN(value.element, ReadType(cursor));
  BURIN_ASSIGN(value.count, cursor.Read<uint64_t>("array length"));
  const uint64_t element_bytes = kValueTypes[static_cast<size_t>(value.element)].bytes;
  const uint64_t least = value.element == GgufType::kArray    ? 12  // type and length
                         : value.element == GgufType::kString ? 8   // length
                                                              : element_bytes;
  if (value.count > cursor.left() / least) {
    return BadInput(cursor.object(), fmt::format("an array of {} elements", value.count),
                    fmt::format("as many as {} bytes can hold", cursor.left()), kAgain);
  }
  const uint64_t begin = cursor.position();
  if (element_bytes != 0) {
    BURIN_TRY(cursor.Take(value.count * element_bytes, "array"));
  } else {
    for (uint64_t i = 0; i < value.count; ++i) {
      if (value.element == GgufType::kString) {
        BURIN_TRY(cursor.String("string"));
      } else {
        BURIN_TRY(ReadArray(cursor, file, depth + 1));
      }
    }
  }
  value.bytes = file.subspan(begin, cursor.position() - begin);
  return value;
}

Result<GgufValue> ReadValue(Cursor& cursor, std::span<const std::byte> file) {
  BURIN_ASSIGN(const GgufType type, ReadType(cursor));
  if (type == GgufType::kArray) return ReadArray(cursor, file, 0);
  GgufValue value;
  value.type = type;
  if (type == GgufType::kString) {
    BURIN_ASSIGN(const auto text, cursor.String("string"));
    value.bytes = std::as_bytes(std::span(text));
  } else {
    BURIN_ASSIGN(value.bytes, cursor.Take(kValueTypes[static_cast<size_t>(type)].bytes, "value"));
  }
  return value;
}

std::string TensorObject(const Cursor& cursor, std::string_view name) {
  return fmt::format("{}: tensor '{}'", cursor.object(), Printable(name));
}

struct TensorEntry {
  GgufTensor tensor;
  uint64_t offset = 0, bytes = 0;
};

Result<TensorType> ReadTensorType(Cursor& cursor, const std::string& object) {
  BURIN_ASSIGN(const auto code, cursor.Read<uint32_t>("tensor type"));
  const bool known = code < std::size(kStoredTypes);
  if (known && kStoredTypes[code].type) return *kStoredTypes[code].type;
  return BadInput(
      object,
      known ? std::string("type ") + kStoredTypes[code].name : fmt::format("type number {}", code),
      "one of F32, F16, BF16, Q8_0, Q4_0, Q3_K, Q4_K, Q6_K",
      "Use a file of another quantization, at best F16 or BF16.");
}

Result<TensorEntry> ReadTensorEntry(Cursor& cursor) {
  TensorEntry entry;
  BURIN_ASSIGN(const auto name, cursor.String("tensor name", kMaxNameBytes));
  entry.tensor.name = name;
  const std::string object = TensorObject(cursor, name);
  BURIN_ASSIGN(const auto rank, cursor.Read<uint32_t>("number of dimensions"));
  if (rank < 1 || rank > kMaxDimensions) {
    return BadInput(object, fmt::format("{} dimensions", rank),
                    fmt::format("1 to {}", kMaxDimensions), kAgain);
  }
  uint64_t weights = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    BURIN_ASSIGN(const auto size, cursor.Read<uint64_t>("dimension"));
    if (size == 0 || __builtin_mul_overflow(weights, size, &weights) ||
        weights > uint64_t{INT64_MAX} / 8) {
      return BadInput(object, fmt::format("dimension {}", size),
                      "one or more, and a size below 2^60 weights", kAgain);
    }
    entry.tensor.shape.insert(entry.tensor.shape.begin(), size);
  }
  BURIN_ASSIGN(entry.tensor.type, ReadTensorType(cursor, object));
  const auto cols = static_cast<int64_t>(entry.tensor.shape.back());
  if (cols % BlockSize(entry.tensor.type) != 0) {
    return BadInput(object, fmt::format("rows of {} weights", cols),
                    fmt::format("a multiple of {} for {}", BlockSize(entry.tensor.type),
                                TensorTypeName(entry.tensor.type)),
                    kAgain);
  }
  entry.bytes = weights / entry.tensor.shape.back() * RowBytes(entry.tensor.type, cols);
  BURIN_ASSIGN(entry.offset, cursor.Read<uint64_t>("tensor offset"));
  return entry;
}

// Gives each tensor its data; they must lie one after the other, each start aligned.
Status PlaceTensors(const Cursor& cursor, std::span<const std::byte> file, uint64_t alignment,
                    std::vector<TensorEntry>& entries) {
  const auto align = [alignment](uint64_t at) {
    return (at + alignment - 1) / alignment * alignment;
  };
  if (entries.empty()) return {};
  const uint64_t start = align(cursor.position());
  uint64_t end = 0;  // of the data placed so far, from `start`
  for (TensorEntry& entry : entries) {
    const std::string object = TensorObject(cursor, entry.tensor.name);
    if (entry.offset != align(end)) {
      return BadInput(object, fmt::format("offset {}", entry.offset),
                      fmt::format("{} (right after the tensor before)", align(end)), kAgain);
    }
    if (start > file.size() || entry.offset > file.size() - start ||
        entry.bytes > file.size() - start - entry.offset) {
      return BadInput(object, fmt::format("{} bytes at offset {}", entry.bytes, entry.offset),
                      "data inside the file (it is cut short)", kAgain);
    }
    entry.tensor.data = file.subspan(start + entry.offset, entry.bytes);
    end = entry.offset + entry.bytes;
  }
  if (file.size() - start > align(end)) {
    return BadInput(cursor.object(),
                    fmt::format("{} bytes after the last tensor", file.size() - start - end),
                    fmt::format("less than {}", alignment), kAgain);
  }
  return {};
}

Status ReadMagicAndVersion(Cursor& cursor, uint32_t* version) {
  BURIN_ASSIGN(const auto magic, cursor.Take(4, "magic"));
  if (std::memcmp(magic.data(), "GGUF", 4) != 0) {
    return BadInput(cursor.object(), "does not begin with GGUF", "a GGUF file");
  }
  BURIN_ASSIGN(*version, cursor.Read<uint32_t>("version"));
  if (*version == 2 || *version == 3) return {};
  const bool swapped = *version != 0 && (*version & 0xFFFFFF) == 0;
  return BadInput(cursor.object(),
                  swapped ? "big-endian GGUF" : fmt::format("GGUF version {}", *version),
                  swapped ? "little-endian" : "version 2 or 3",
                  "Convert the model again with a present converter.");
}

template <typename T>
T LoadAs(std::span<const std::byte> bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

// Any integer type as int64; nullopt for other types and for values above 2^63 - 1.
std::optional<int64_t> AsInt(GgufType type, std::span<const std::byte> bytes) {
  switch (type) {
    case GgufType::kUint8:
      return LoadAs<uint8_t>(bytes);
    case GgufType::kInt8:
      return LoadAs<int8_t>(bytes);
    case GgufType::kUint16:
      return LoadAs<uint16_t>(bytes);
    case GgufType::kInt16:
      return LoadAs<int16_t>(bytes);
    case GgufType::kUint32:
      return LoadAs<uint32_t>(bytes);
    case GgufType::kInt32:
      return LoadAs<int32_t>(bytes);
    case GgufType::kInt64:
      return LoadAs<int64_t>(bytes);
    case GgufType::kUint64: {
      const auto value = LoadAs<uint64_t>(bytes);
      if (value > uint64_t{INT64_MAX}) return std::nullopt;
      return static_cast<int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

const char* GgufTypeName(GgufType type) { return kValueTypes[static_cast<size_t>(type)].name; }

Result<GgufFile> GgufFile::Parse(std::span<const std::byte> bytes, std::string object) {
  GgufFile file;
  file.object_ = std::move(object);
  Cursor cursor(bytes, file.object_);
  BURIN_TRY(ReadMagicAndVersion(cursor, &file.version_));
  BURIN_ASSIGN(const auto tensor_count, cursor.Read<uint64_t>("tensor count"));
  BURIN_ASSIGN(const auto key_count, cursor.Read<uint64_t>("key count"));
  // A key takes at least 13 bytes (length, type, value); a tensor 32 (length, rank, one dimension,
  // type, offset).
  if (key_count > cursor.left() / 13 || tensor_count > cursor.left() / 32) {
    return BadInput(file.object_, fmt::format("{} keys and {} tensors", key_count, tensor_count),
                    fmt::format("as many as {} bytes can hold", cursor.left()), kAgain);
  }
  for (uint64_t i = 0; i < key_count; ++i) {
    BURIN_ASSIGN(const auto key, cursor.String("key", kMaxKeyBytes));
    BURIN_ASSIGN(const GgufValue value, ReadValue(cursor, bytes));
    if (!file.values_.emplace(key, value).second) {
      return BadInput(file.KeyObject(key), "comes twice", "each key once", kAgain);
    }
    file.keys_.push_back(key);
  }
  BURIN_ASSIGN(const auto alignment, file.Int("general.alignment", 1, 1 << 30));
  if (alignment && !std::has_single_bit(static_cast<uint64_t>(*alignment))) {
    return BadInput(file.KeyObject("general.alignment"), fmt::format("{}", *alignment),
                    "a power of two", kAgain);
  }
  std::vector<TensorEntry> entries;
  std::unordered_set<std::string> names;
  for (uint64_t i = 0; i < tensor_count; ++i) {
    BURIN_ASSIGN(TensorEntry entry, ReadTensorEntry(cursor));
    if (!names.insert(entry.tensor.name).second) {
      return BadInput(TensorObject(cursor, entry.tensor.name), "comes twice", "each name once",
                      kAgain);
    }
    entries.push_back(std::move(entry));
  }
  BURIN_TRY(PlaceTensors(cursor, bytes, static_cast<uint64_t>(alignment.value_or(32)), entries));
  for (TensorEntry& entry : entries) file.tensors_.push_back(std::move(entry.tensor));
  file.header_ = bytes.first(cursor.position());
  return file;
}

const GgufValue* GgufFile::Find(std::string_view key) const {
  const auto it = values_.find(key);
  return it == values_.end() ? nullptr : &it->second;
}

std::string GgufFile::KeyObject(std::string_view key) const {
  return fmt::format("{}: key '{}'", object_, Printable(key));
}

Result<std::optional<int64_t>> GgufFile::Int(std::string_view key, int64_t min, int64_t max) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  const std::optional<int64_t> number = AsInt(value->type, value->bytes);
  if (!number || *number < min || *number > max) {
    return BadInput(KeyObject(key), number ? fmt::format("{}", *number) : GgufTypeName(value->type),
                    fmt::format("an integer {} to {}", min, max));
  }
  return number;
}

Result<std::optional<double>> GgufFile::Number(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type == GgufType::kFloat32) return static_cast<double>(LoadAs<float>(value->bytes));
  if (value->type == GgufType::kFloat64) return LoadAs<double>(value->bytes);
  return BadInput(KeyObject(key), GgufTypeName(value->type), "float32 or float64");
}

Result<std::optional<bool>> GgufFile::Bool(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != GgufType::kBool || LoadAs<uint8_t>(value->bytes) > 1) {
    return BadInput(KeyObject(key), GgufTypeName(value->type), "bool, 0 or 1");
  }
  return LoadAs<uint8_t>(value->bytes) == 1;
}

Result<std::optional<std::string_view>> GgufFile::String(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != GgufType::kString) {
    return BadInput(KeyObject(key), GgufTypeName(value->type), "string");
  }
  return std::string_view(reinterpret_cast<const char*>(value->bytes.data()), value->bytes.size());
}

Result<std::optional<std::vector<std::string_view>>> GgufFile::Strings(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != GgufType::kArray || value->element != GgufType::kString) {
    return BadInput(KeyObject(key), GgufTypeName(value->type), "an array of strings");
  }
  std::vector<std::string_view> strings;
  strings.reserve(value->count);  // at most an eighth of the file: Parse checked it
  Cursor cursor(value->bytes, object_);
  for (uint64_t i = 0; i < value->count; ++i) {
    BURIN_ASSIGN(const auto text, cursor.String("string"));
    strings.push_back(text);
  }
  return strings;
}

Result<std::optional<std::vector<int64_t>>> GgufFile::Ints(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  const uint64_t size = kValueTypes[static_cast<size_t>(value->element)].bytes;
  std::vector<int64_t> numbers;
  for (uint64_t i = 0; value->type == GgufType::kArray && size != 0 && i < value->count; ++i) {
    const auto number = AsInt(value->element, value->bytes.subspan(i * size, size));
    if (!number) break;
    numbers.push_back(*number);
  }
  if (value->type != GgufType::kArray || numbers.size() != value->count) {
    return BadInput(KeyObject(key), GgufTypeName(value->type), "an array of integers");
  }
  return numbers;
}

Result<std::optional<std::vector<float>>> GgufFile::Floats(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != GgufType::kArray || value->element != GgufType::kFloat32) {
    return BadInput(KeyObject(key), GgufTypeName(value->type), "an array of float32");
  }
  std::vector<float> numbers(value->count);
  if (!numbers.empty()) std::memcpy(numbers.data(), value->bytes.data(), value->bytes.size());
  return numbers;
}

Result<OpenGguf> OpenGgufFile(const std::filesystem::path& path) {
  BURIN_ASSIGN(auto mapped, MappedFile::Open(path));
  OpenGguf opened{std::make_shared<const MappedFile>(std::move(mapped)), {}};
  BURIN_ASSIGN(opened.gguf, GgufFile::Parse(opened.file->bytes(), path.string()));
  return opened;
}

}  // namespace burin
