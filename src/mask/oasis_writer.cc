#include "mask/oasis_writer.h"

#include <zlib.h>

#include <optional>
#include <utility>

#include "base/check.h"
#include "base/output_file.h"
#include "mask/oasis_records.h"

namespace burin::mask {
namespace {

using Bytes = std::vector<uint8_t>;

void PutUnsigned(Bytes& out, uint64_t value) {
  while (value >= 128) {
    out.push_back(static_cast<uint8_t>(value | 128));
    value >>= 7;
  }
  out.push_back(static_cast<uint8_t>(value));
}

// Sign in bit 0.
void PutSigned(Bytes& out, int64_t value) {
  const auto magnitude =
      value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  PutUnsigned(out, magnitude << 1 | (value < 0 ? 1 : 0));
}

void PutText(Bytes& out, std::string_view text) {
  PutUnsigned(out, text.size());
  out.insert(out.end(), text.begin(), text.end());
}

// A regular array of `columns` x `rows`.
void PutArray(Bytes& out, int32_t columns, int32_t rows, Point step) {
  if (columns > 1 && rows > 1) {
    PutUnsigned(out, kRepeatMatrix);
    PutUnsigned(out, static_cast<uint64_t>(columns - 2));
    PutUnsigned(out, static_cast<uint64_t>(rows - 2));
    PutUnsigned(out, static_cast<uint64_t>(step.x));
    PutUnsigned(out, static_cast<uint64_t>(step.y));
  } else {
    PutUnsigned(out, columns > 1 ? kRepeatRow : kRepeatColumn);
    PutUnsigned(out, static_cast<uint64_t>((columns > 1 ? columns : rows) - 2));
    PutUnsigned(out, static_cast<uint64_t>(columns > 1 ? step.x : step.y));
  }
}

// Raw deflate. Codes are noise in which short matches cost more than they save, the heads of rows
// repeat: the strategy takes long matches only. Small cells, of whose kind there are few, get the
// longest search.
Bytes Deflate(std::span<const uint8_t> data) {
  constexpr size_t kSmall = 1 << 12;
  z_stream stream{};
  const bool small = data.size() < kSmall;
  BURIN_CHECK(deflateInit2(&stream, small ? 9 : 4, Z_DEFLATED, -15, 8,
                           small ? Z_DEFAULT_STRATEGY : Z_FILTERED) == Z_OK);
  Bytes out(deflateBound(&stream, data.size()));
  stream.next_in = const_cast<uint8_t*>(data.data());
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  BURIN_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Bytes StartRecord() {
  Bytes start(kOasisMagic.begin(), kOasisMagic.end());
  start.push_back(kStart);
  PutText(start, "1.0");
  PutUnsigned(start, 0);                               // a real that is a whole number:
  PutUnsigned(start, 1000);                            // units a micrometre
  PutUnsigned(start, 0);                               // the table offsets follow here:
  for (int i = 0; i < 12; ++i) PutUnsigned(start, 0);  // no tables
  return start;
}

}  // namespace

void OasisCell::Header(Layer layer, int32_t width, int32_t height, Point at, bool repeats) {
  BURIN_CHECK(layer.number >= 0 && layer.datatype >= 0 && width > 0 && height > 0);
  const bool all = !any_rectangle_;
  uint8_t info = repeats ? kInfoRepetition : 0;
  if (all || layer.number != layer_.number) info |= kInfoLayer;
  if (all || layer.datatype != layer_.datatype) info |= kInfoDatatype;
  if (all || width != width_) info |= kInfoWidth;
  if (all || height != height_) info |= kInfoHeight;
  if (all || at.x != at_.x) info |= kInfoX;
  if (all || at.y != at_.y) info |= kInfoY;
  bytes_.push_back(kRectangle);
  bytes_.push_back(info);
  if (info & kInfoLayer) PutUnsigned(bytes_, static_cast<uint64_t>(layer.number));
  if (info & kInfoDatatype) PutUnsigned(bytes_, static_cast<uint64_t>(layer.datatype));
  if (info & kInfoWidth) PutUnsigned(bytes_, static_cast<uint64_t>(width));
  if (info & kInfoHeight) PutUnsigned(bytes_, static_cast<uint64_t>(height));
  if (info & kInfoX) PutSigned(bytes_, int64_t{at.x} - (relative_ ? at_.x : 0));
  if (info & kInfoY) PutSigned(bytes_, int64_t{at.y} - (relative_ ? at_.y : 0));
  any_rectangle_ = true;
  layer_ = layer;
  width_ = width;
  height_ = height;
  at_ = at;
}

void OasisCell::SetRelative(bool relative) {
  if (relative_ == relative) return;
  relative_ = relative;
  bytes_.push_back(relative ? kXyRelative : kXyAbsolute);
}

void OasisCell::AddRow(Layer layer, int32_t width, int32_t height, Point first,
                       std::span<const uint32_t> steps, int32_t grid) {
  SetRelative(true);
  Header(layer, width, height, first, !steps.empty());
  if (steps.empty()) return;
  PutUnsigned(bytes_, kRepeatRowIrregularGrid);
  PutUnsigned(bytes_, steps.size() - 1);
  PutUnsigned(bytes_, static_cast<uint64_t>(grid));
  // The loop that writes a model.
  const size_t begin = bytes_.size();
  bytes_.resize(begin + 5 * steps.size());
  uint8_t* out = bytes_.data() + begin;
  for (const uint32_t step : steps) {
    uint32_t rest = step;
    while (rest >= 128) *out++ = static_cast<uint8_t>(rest | 128), rest >>= 7;
    *out++ = static_cast<uint8_t>(rest);
  }
  bytes_.resize(static_cast<size_t>(out - bytes_.data()));
}

void OasisCell::AddRectangle(Layer layer, const Rect& rect) {
  Header(layer, rect.width(), rect.height(), {rect.x0, rect.y0}, false);
}

void OasisCell::AddPlacement(std::string_view cell, Point origin, int32_t columns, int32_t rows,
                             Point step) {
  const bool repeats = columns > 1 || rows > 1;
  SetRelative(false);
  bytes_.push_back(kPlacement);
  bytes_.push_back(
      static_cast<uint8_t>(kPlaceExplicit | kPlaceX | kPlaceY | (repeats ? kPlaceRepetition : 0)));
  PutText(bytes_, cell);
  PutSigned(bytes_, origin.x);
  PutSigned(bytes_, origin.y);
  if (repeats) PutArray(bytes_, columns, rows, step);
}

void OasisCell::AddText(Layer layer, Point at, std::string_view text) {
  SetRelative(false);
  bytes_.push_back(kText);
  bytes_.push_back(kTextExplicit | kTextX | kTextY | kTextType | kTextLayer);
  PutText(bytes_, text);
  PutUnsigned(bytes_, static_cast<uint64_t>(layer.number));
  PutUnsigned(bytes_, static_cast<uint64_t>(layer.datatype));
  PutSigned(bytes_, at.x);
  PutSigned(bytes_, at.y);
}

void OasisCell::Reset(std::string name) {
  name_ = std::move(name);
  bytes_.clear();
  any_rectangle_ = relative_ = false;
  at_ = {};
}

std::vector<uint8_t> EncodeCell(const OasisCell& cell) {
  Bytes out;
  out.push_back(kCellByName);
  PutText(out, cell.name());
  if (cell.bytes().empty()) return out;
  const Bytes packed = Deflate(cell.bytes());
  out.push_back(kCblock);
  PutUnsigned(out, 0);  // deflate
  PutUnsigned(out, cell.bytes().size());
  PutUnsigned(out, packed.size());
  out.insert(out.end(), packed.begin(), packed.end());
  return out;
}

struct OasisWriter::Impl {
  std::optional<OutputFile> file;  // none: only measured
  Sha256 hash;
  uint64_t offset = 0;

  Status Write(std::span<const uint8_t> bytes) {
    if (file) BURIN_TRY(file->Write(bytes));
    hash.Update(std::as_bytes(bytes));
    offset += bytes.size();
    return {};
  }
};

OasisWriter::OasisWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OasisWriter::OasisWriter(OasisWriter&&) noexcept = default;
OasisWriter::~OasisWriter() = default;

Result<OasisWriter> OasisWriter::Create(const std::filesystem::path& path) {
  auto impl = std::make_unique<Impl>();
  BURIN_ASSIGN(OutputFile file, OutputFile::Create(path));
  impl->file.emplace(std::move(file));
  BURIN_TRY(impl->Write(StartRecord()));
  return OasisWriter(std::move(impl));
}

OasisWriter OasisWriter::Measuring() {
  auto impl = std::make_unique<Impl>();
  BURIN_CHECK(impl->Write(StartRecord()).has_value());
  return OasisWriter(std::move(impl));
}

Status OasisWriter::AddEncoded(std::span<const uint8_t> bytes) { return impl_->Write(bytes); }

uint64_t OasisWriter::offset() const { return impl_->offset; }

Result<OasisWriter::Written> OasisWriter::Finish() {
  Bytes end = {kEnd};
  constexpr size_t kEndBytes = 256,
                   kPadding = 252;  // the record's length is fixed; 252 takes two bytes
  PutUnsigned(end, kPadding);
  end.resize(end.size() + kPadding);
  PutUnsigned(end, 0);  // no validation
  BURIN_CHECK(end.size() == kEndBytes);
  BURIN_TRY(impl_->Write(end));
  if (impl_->file) BURIN_TRY(impl_->file->Commit());
  return Written{impl_->offset, impl_->hash.Finish()};
}

Status WriteCells(const Layout& layout, const std::string& prefix, OasisWriter& writer) {
  for (const Cell& cell : layout.cells) {
    OasisCell out(prefix + cell.name);
    for (const Placement& p : cell.placements) {
      out.AddPlacement(prefix + layout.cells[p.cell].name, p.origin, p.columns, p.rows, p.step);
    }
    for (const Shape& shape : cell.shapes) out.AddRectangle(shape.layer, shape.rect);
    for (const Label& label : cell.labels) out.AddText(label.layer, label.at, label.text);
    BURIN_TRY(writer.Add(out));
  }
  return {};
}

}  // namespace burin::mask
