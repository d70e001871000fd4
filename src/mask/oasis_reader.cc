#include "mask/oasis_reader.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "mask/oasis_parser.h"
#include "mask/oasis_records.h"

namespace burin::mask {
namespace {

// A CBLOCK behind its record type.
struct Block {
  uint64_t unpacked = 0;
  std::span<const uint8_t> packed;
};

Block ReadBlock(OasisCursor& in) {
  if (in.Unsigned() != 0) in.Fail("a block that is not compressed by deflate");
  Block block;
  block.unpacked = in.Unsigned();
  const uint64_t packed = in.Unsigned();
  constexpr uint64_t kMostRatio = 1040;  // deflate cannot do better
  if (block.unpacked > OasisFile::kMaxBlockBytes) {
    in.Fail("a block of more than 256 MiB");
  } else if (block.unpacked > (packed + 64) * kMostRatio) {
    in.Fail("a block that claims more than deflate can give");
  }
  block.packed = in.Take(packed);
  return block;
}

// The first `size` bytes of a block; false if it is not raw deflate of at least that.
bool Inflate(const Block& block, std::vector<uint8_t>& out, uint64_t size) {
  out.resize(size);
  z_stream stream{};
  if (inflateInit2(&stream, -15) != Z_OK) return false;
  stream.next_in = const_cast<uint8_t*>(block.packed.data());
  stream.avail_in = static_cast<uInt>(block.packed.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(size);
  const int status = inflate(&stream, size == block.unpacked ? Z_FINISH : Z_SYNC_FLUSH);
  const bool all = stream.avail_out == 0 && (size < block.unpacked || status == Z_STREAM_END);
  inflateEnd(&stream);
  return all || (size == 0 && status == Z_STREAM_END);
}

bool IsNameRecord(uint8_t type) {
  return (type >= kCellName && type <= kLayerName + 1) || type == kXName || type == kXName + 1;
}

std::string Printable(std::string_view name) {
  constexpr size_t kMost = 60;
  std::string out;
  for (const char c : name.substr(0, kMost)) out += c > ' ' && c < 127 ? c : '?';
  return out;
}

}  // namespace

// Walks the records between START and END, blocks left closed where they hold a cell's geometry.
class OasisFile::Scanner {
 public:
  explicit Scanner(OasisFile& file)
      : file_(file), parser_(Events(), kMaxCopies), in_(file.bytes_) {}

  Status Run() {
    Header();
    bool ended = false;
    while (in_.ok() && !ended) {
      const uint64_t at = in_.at();
      const uint8_t type = in_.Byte();
      if (!in_.ok()) break;
      if (type == kEnd) {
        CloseCell(at);
        ended = true;
      } else if (type == kCellByNumber || type == kCellByName) {
        OpenCell(at, type);
      } else if (type == kCblock) {
        ReadCblock();
      } else {
        if (IsNameRecord(type)) CloseCell(at);
        if (open_) NoteFirst(type);
        parser_.Record(in_, type);
      }
    }
    if (!in_.ok()) return Malformed();
    return NameCells();
  }

 private:
  OasisEvents Events() {
    OasisEvents events;
    events.cell_name = [this](uint64_t number, std::string_view name) {
      file_.cell_names_[number] = std::string(name);
    };
    return events;
  }

  Status Malformed() const {
    return BadInput(file_.object_, fmt::format("byte {}: {}", in_.at(), in_.problem()),
                    "an OASIS file of masks",
                    "The file is damaged, cut short or made by another tool.");
  }

  void Header() {
    const auto magic = in_.Take(kOasisMagic.size());
    if (!std::equal(magic.begin(), magic.end(), kOasisMagic.begin(), kOasisMagic.end())) {
      in_.Fail("does not begin as an OASIS file");
    }
    if (in_.Byte() != kStart) in_.Fail("no START record");
    if (in_.Text() != "1.0") in_.Fail("a version other than 1.0");
    const uint64_t kind = in_.Unsigned();
    const bool whole = kind == 0;
    if (whole && in_.Unsigned() != kUnit) in_.Fail("a unit other than one nanometre");
    if (kind == 7) {  // a double
      const auto bytes = in_.Take(8);
      double unit = 0;
      if (bytes.size() == sizeof unit)
        std::copy(bytes.begin(), bytes.end(), reinterpret_cast<uint8_t*>(&unit));
      if (unit != kUnit) in_.Fail("a unit other than one nanometre");
    } else if (!whole) {
      in_.Fail("a unit other than one nanometre");
    }
    if (in_.Unsigned() == 0) {
      for (int i = 0; i < 12; ++i) in_.Unsigned();
    }
  }

  void OpenCell(uint64_t at, uint8_t type) {
    CloseCell(at);
    CellEntry cell;
    if (type == kCellByNumber) {
      numbers_.emplace_back(file_.cells_.size(), in_.Unsigned());
    } else {
      cell.name = in_.Text();
    }
    cell.begin = in_.at();
    file_.cells_.push_back(std::move(cell));
    open_ = true;
    first_seen_ = false;
    parser_.StartCell();
  }

  void CloseCell(uint64_t at) {
    if (open_) file_.cells_.back().end = at;
    open_ = false;
  }

  void NoteFirst(uint8_t type) {
    if (first_seen_ || type == kProperty || type == kPropertyRepeat || type == kXyAbsolute ||
        type == kXyRelative)
      return;
    first_seen_ = true;
    file_.cells_.back().places = type == kPlacement || type == kPlacementScaled;
  }

  // A block of names ends the cell before it; any other belongs to it.
  void ReadCblock() {
    const uint64_t at = in_.at() - 1;
    const Block block = ReadBlock(in_);
    if (!in_.ok() || block.unpacked == 0) return;
    // Records of one byte may stand before the first that says what the block holds.
    constexpr uint64_t kEnough = 8;
    if (!Inflate(block, buffer_, std::min(block.unpacked, kEnough))) {
      return in_.Fail("a block that is not deflate");
    }
    if (!IsNameRecord(buffer_[0])) {
      if (!open_) return in_.Fail("a block outside of a cell");
      const auto first = std::find_if(buffer_.begin(), buffer_.end(), [](uint8_t type) {
        return type != kPad && type != kXyAbsolute && type != kXyRelative;
      });
      if (first != buffer_.end()) NoteFirst(*first);
      return;
    }
    CloseCell(at);
    if (!Inflate(block, buffer_, block.unpacked)) return in_.Fail("a block that is not deflate");
    OasisCursor inner(buffer_);
    while (inner.ok() && !inner.AtEnd()) {
      const uint8_t type = inner.Byte();
      if (!IsNameRecord(type) && type != kProperty && type != kPropertyRepeat && type != kPad) {
        return in_.Fail("names and geometry in one block");
      }
      parser_.Record(inner, type);
    }
    if (!inner.ok()) in_.Fail(inner.problem());
  }

  Status NameCells() {
    for (const auto& [cell, number] : numbers_) {
      const auto name = file_.cell_names_.find(number);
      if (name == file_.cell_names_.end()) {
        return BadInput(file_.object_, fmt::format("cell number {} has no name", number),
                        "a name table that has it");
      }
      file_.cells_[cell].name = name->second;
    }
    std::vector<uint32_t>& order = file_.by_name_;
    order.resize(file_.cells_.size());
    std::iota(order.begin(), order.end(), 0u);
    auto name_of = [&](uint32_t i) -> const std::string& { return file_.cells_[i].name; };
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return name_of(a) < name_of(b); });
    for (size_t i = 1; i < order.size(); ++i) {
      if (name_of(order[i - 1]) == name_of(order[i])) {
        return BadInput(file_.object_,
                        fmt::format("two cells are called '{}'", Printable(name_of(order[i]))),
                        "names that are unique");
      }
    }
    return {};
  }

  static constexpr uint64_t kUnit = 1000;  // a micrometre

  OasisFile& file_;
  OasisParser parser_;
  OasisCursor in_;
  std::vector<uint8_t> buffer_;
  std::vector<std::pair<size_t, uint64_t>> numbers_;  // cells that have a number for a name
  bool open_ = false, first_seen_ = false;
};

Result<OasisFile> OasisFile::Open(const std::filesystem::path& path) {
  BURIN_ASSIGN(MappedFile mapped, MappedFile::Open(path));
  auto shared = std::make_shared<const MappedFile>(std::move(mapped));
  const auto bytes = shared->bytes();
  BURIN_ASSIGN(OasisFile file, Parse({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
                                     path.string()));
  file.file_ = std::move(shared);
  return file;
}

Result<OasisFile> OasisFile::Parse(std::span<const uint8_t> bytes, std::string object) {
  OasisFile file;
  file.bytes_ = bytes;
  file.object_ = std::move(object);
  BURIN_TRY(Scanner(file).Run());
  return file;
}

size_t OasisFile::Find(std::string_view name) const {
  const auto at =
      std::lower_bound(by_name_.begin(), by_name_.end(), name,
                       [&](uint32_t i, std::string_view n) { return cells_[i].name < n; });
  return at != by_name_.end() && cells_[*at].name == name ? *at : cells_.size();
}

Status OasisFile::Visit(size_t index, const OasisVisitor& visitor) const {
  const CellEntry& cell = cells_[index];
  Status status;
  OasisEvents events;
  events.expand = true;
  events.rectangle = [&](Layer layer, const Rect& rect, const std::vector<Point>& copies) {
    if (status && visitor.rectangle) status = visitor.rectangle(layer, rect, copies);
  };
  events.placement = [&](const OasisName& name, Point at, const std::vector<Point>& copies) {
    if (!status || !visitor.placement) return;
    std::string_view text = name.text;
    if (name.is_number) {
      const auto known = cell_names_.find(name.number);
      if (known != cell_names_.end()) text = known->second;
    }
    const size_t placed = Find(text);
    if (placed == cells_.size()) {
      status = BadInput(object_,
                        fmt::format("cell '{}' places '{}'", Printable(cell.name), Printable(text)),
                        "a cell of the file");
    } else {
      status = visitor.placement(placed, at, copies);
    }
  };
  OasisParser parser(std::move(events), kMaxCopies);
  std::vector<uint8_t> buffer;
  OasisCursor in(bytes_.first(cell.end), cell.begin);
  auto failed = [&](const OasisCursor& at, uint64_t byte) -> Status {
    return BadInput(
        object_, fmt::format("cell '{}', byte {}: {}", Printable(cell.name), byte, at.problem()),
        "records of rectangles and placements", "The file is damaged or made by another tool.");
  };
  while (in.ok() && !in.AtEnd() && status) {
    const uint64_t at = in.at();
    const uint8_t type = in.Byte();
    if (type != kCblock) {
      parser.Record(in, type);
      continue;
    }
    const Block block = ReadBlock(in);
    if (!in.ok()) break;
    if (!Inflate(block, buffer, block.unpacked)) {
      in.Fail("a block that is not deflate");
      break;
    }
    OasisCursor inner(buffer);
    while (inner.ok() && !inner.AtEnd() && status) parser.Record(inner, inner.Byte());
    if (!inner.ok()) return failed(inner, at);
  }
  if (!in.ok()) return failed(in, in.at());
  return status;
}

}  // namespace burin::mask
