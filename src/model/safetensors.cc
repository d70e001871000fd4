#include "model/safetensors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <unordered_set>

#include "model/json_reader.h"

namespace burin {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kMaxRank = 8;

struct Dtype {
  std::string_view name;
  uint64_t bits;
};

constexpr Dtype kDtypes[] = {
    {"BOOL", 8},        {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
    {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
    {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
    {"I32", 32},        {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},
    {"I64", 64},        {"U64", 64},
};

const Dtype* FindDtype(std::string_view name) {
  const auto it = std::ranges::find(kDtypes, name, &Dtype::name);
  return it == std::end(kDtypes) ? nullptr : it;
}

struct Entry {
  SafeTensor tensor;
  uint64_t bits = 0;  // of a value
  std::vector<uint64_t> offsets;
};

// Takes exactly the header grammar and stops at the first token outside it, so that memory stays
// in proportion to valid entries.
class HeaderHandler : public nlohmann::json_sax<Json> {
 public:
  std::vector<Entry> entries;
  std::string problem;

  bool null() override { return Refuse("null"); }
  bool boolean(bool) override { return Refuse("a boolean"); }
  bool number_integer(number_integer_t) override { return Refuse("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    return Refuse("a fraction or a number above 2^64");
  }
  bool binary(binary_t&) override { return Refuse("binary"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (state_ == State::kShape && entries.back().tensor.shape.size() < kMaxRank) {
      entries.back().tensor.shape.push_back(value);
      return true;
    }
    if (state_ == State::kOffsets && entries.back().offsets.size() < 2) {
      entries.back().offsets.push_back(value);
      return true;
    }
    return Refuse("a number");
  }

  bool string(string_t& value) override {
    if (state_ == State::kMetadata) return true;
    if (state_ != State::kTensor || field_ != kDtype) return Refuse("a string");
    const Dtype* dtype = FindDtype(value);
    if (dtype == nullptr) return Refuse(fmt::format("dtype '{}'", Printable(value)));
    entries.back().tensor.dtype = dtype->name;
    entries.back().bits = dtype->bits;
    return true;
  }

  bool start_object(size_t) override {
    if (state_ == State::kStart) return Go(State::kTop);
    if (state_ == State::kTop) {
      if (in_metadata_) return Go(State::kMetadata);
      entries.emplace_back().tensor.name = name_;
      return Go(State::kTensor);
    }
    return Refuse("a nested object");
  }

  bool key(string_t& value) override {
    if (state_ == State::kTop) {
      name_ = value;
      in_metadata_ = value == "__metadata__";
      return names_.insert(value).second || Refuse("a name that comes twice");
    }
    if (state_ == State::kMetadata) {
      return metadata_.insert(value).second || Refuse("a metadata key that comes twice");
    }
    field_ = value == "dtype" ? kDtype : value == "shape" ? kShape : kOffsets;
    if (field_ == kOffsets && value != "data_offsets") {
      return Refuse(fmt::format("key '{}'", Printable(value)));
    }
    if (seen_ & field_) return Refuse(fmt::format("key '{}' twice", value));
    seen_ |= field_;
    return true;
  }

  bool end_object() override {
    if (state_ == State::kTensor) {
      if (seen_ != (kDtype | kShape | kOffsets) || entries.back().offsets.size() != 2) {
        return Refuse("not all of dtype, shape and two data_offsets");
      }
      seen_ = 0;
    }
    return Go(state_ == State::kTop ? State::kEnd : State::kTop);
  }

  bool start_array(size_t) override {
    if (state_ == State::kTensor && field_ == kShape) return Go(State::kShape);
    if (state_ == State::kTensor && field_ == kOffsets) return Go(State::kOffsets);
    return Refuse("an array");
  }
  bool end_array() override { return Go(State::kTensor); }

  bool parse_error(size_t position, const std::string&, const Json::exception&) override {
    problem = fmt::format("header is not valid JSON at its byte {}", position);
    return false;
  }

 private:
  enum class State { kStart, kTop, kMetadata, kTensor, kShape, kOffsets, kEnd };
  enum Field : unsigned { kDtype = 1, kShape = 2, kOffsets = 4 };

  bool Go(State next) {
    state_ = next;
    return true;
  }
  bool Refuse(const std::string& what) {
    problem = name_.empty() ? "header holds " + what
                            : fmt::format("header holds {} at '{}'", what, Printable(name_));
    return false;
  }

  State state_ = State::kStart;
  bool in_metadata_ = false;
  unsigned field_ = 0, seen_ = 0;
  std::string name_;
  std::unordered_set<std::string> names_, metadata_;
};

std::string TensorObject(const std::string& file, const std::string& name) {
  return fmt::format("{}: tensor '{}'", file, Printable(name));
}

// Bytes of the entry's values.
Result<uint64_t> DataBytes(const Entry& entry, const std::string& object) {
  uint64_t bits = entry.bits;
  for (const uint64_t size : entry.tensor.shape) {
    if (__builtin_mul_overflow(bits, size, &bits)) {
      return BadInput(TensorObject(object, entry.tensor.name),
                      "shape " + ShapeText(entry.tensor.shape), "a size below 2^61 bytes");
    }
  }
  if (bits % 8 != 0) {
    return BadInput(TensorObject(object, entry.tensor.name), fmt::format("{} bits", bits),
                    "whole bytes");
  }
  return bits / 8;
}

}  // namespace

std::optional<uint64_t> SafeDtypeBits(std::string_view dtype) {
  const Dtype* found = FindDtype(dtype);
  return found == nullptr ? std::nullopt : std::optional(found->bits);
}

std::optional<TensorType> WeightType(std::string_view dtype) {
  if (dtype == "F32") return TensorType::kF32;
  if (dtype == "F16") return TensorType::kF16;
  if (dtype == "BF16") return TensorType::kBF16;
  return std::nullopt;
}

std::string ShapeText(std::span<const uint64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

Result<std::vector<SafeTensor>> ParseSafetensors(std::span<const std::byte> bytes,
                                                 const std::string& object) {
  const char* again = "Download the file again.";
  if (bytes.size() < 8) {
    return BadInput(object, fmt::format("{} bytes", bytes.size()), "a safetensors file", again);
  }
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), 8);
  if (header_bytes > kMaxHeaderBytes) {
    return BadInput(object, fmt::format("a header of {} bytes", header_bytes),
                    fmt::format("at most {}", kMaxHeaderBytes), "Is it a safetensors file?");
  }
  if (header_bytes > bytes.size() - 8) {
    return BadInput(object, fmt::format("{} bytes", bytes.size()),
                    fmt::format("more than its header of {} bytes", header_bytes), again);
  }
  const auto* text = reinterpret_cast<const char*>(bytes.data() + 8);
  if (header_bytes == 0 || text[0] != '{') {
    return BadInput(object, "a header that does not begin with '{'", "a JSON object", again);
  }
  HeaderHandler header;
  if (!Json::sax_parse(text, text + header_bytes, &header)) {
    return BadInput(object, header.problem, "name -> {dtype, shape, data_offsets}", again);
  }

  const std::span<const std::byte> data = bytes.subspan(8 + header_bytes);
  std::ranges::sort(header.entries, {}, &Entry::offsets);
  std::vector<SafeTensor> tensors;
  uint64_t end = 0;  // of the data placed so far
  for (Entry& entry : header.entries) {
    BURIN_ASSIGN(const uint64_t size, DataBytes(entry, object));
    const uint64_t first = entry.offsets[0], last = entry.offsets[1];
    if (first != end) {
      return BadInput(TensorObject(object, entry.tensor.name),
                      fmt::format("data from byte {}: {}", first,
                                  first < end ? "overlaps the tensor before" : "leaves a hole"),
                      fmt::format("from byte {}", end), again);
    }
    if (last < first || last - first != size) {
      return BadInput(TensorObject(object, entry.tensor.name),
                      fmt::format("data_offsets [{}, {}]", first, last),
                      fmt::format("{} bytes for {} {}", size, entry.tensor.dtype,
                                  ShapeText(entry.tensor.shape)),
                      again);
    }
    if (last > data.size()) {
      return BadInput(TensorObject(object, entry.tensor.name), fmt::format("data to byte {}", last),
                      fmt::format("at most {} (the file is cut short)", data.size()), again);
    }
    entry.tensor.data = data.subspan(first, size);
    end = last;
    tensors.push_back(std::move(entry.tensor));
  }
  if (end != data.size()) {
    return BadInput(object, fmt::format("{} bytes after the last tensor", data.size() - end),
                    "none", again);
  }
  return tensors;
}

}  // namespace burin
