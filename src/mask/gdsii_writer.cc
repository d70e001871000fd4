#include "mask/gdsii_writer.h"

#include <cmath>
#include <initializer_list>

#include "base/check.h"

namespace burin::mask {
namespace {

// Record type and data type as one number, as the format's tables write them.
enum Record : uint16_t {
  kHeader = 0x0002,
  kBgnLib = 0x0102,
  kLibName = 0x0206,
  kUnits = 0x0305,
  kEndLib = 0x0400,
  kBgnStr = 0x0502,
  kStrName = 0x0606,
  kEndStr = 0x0700,
  kBoundary = 0x0800,
  kSref = 0x0A00,
  kAref = 0x0B00,
  kText = 0x0C00,
  kLayer = 0x0D02,
  kDatatype = 0x0E02,
  kXy = 0x1003,
  kEndEl = 0x1100,
  kSname = 0x1206,
  kColRow = 0x1302,
  kTextType = 0x1602,
  kString = 0x1906,
};

constexpr size_t kMaxName = 32;
constexpr int32_t kMaxArray = 32767;

class Stream {
 public:
  void Put(Record record) { Begin(record, 0); }
  void Put(Record record, std::initializer_list<int16_t> values) {
    Begin(record, 2 * values.size());
    for (int16_t v : values) Bytes(static_cast<uint16_t>(v), 2);
  }
  void PutPoints(std::initializer_list<Point> points) {
    Begin(kXy, 8 * points.size());
    for (Point p : points) {
      Bytes(static_cast<uint32_t>(p.x), 4);
      Bytes(static_cast<uint32_t>(p.y), 4);
    }
  }
  void Put(Record record, const std::string& text) {
    const size_t padded = (text.size() + 1) / 2 * 2;
    Begin(record, padded);
    bytes_ += text;
    bytes_.resize(bytes_.size() + padded - text.size(), '\0');
  }
  // Excess-64 base-16 reals.
  void PutReals(Record record, std::initializer_list<double> values) {
    Begin(record, 8 * values.size());
    for (double v : values) {
      int exponent = 64;
      while (v >= 1) v /= 16, ++exponent;
      while (v < 1.0 / 16) v *= 16, --exponent;
      Bytes(static_cast<uint64_t>(exponent) << 56 |
                static_cast<uint64_t>(std::llround(std::ldexp(v, 56))),
            8);
    }
  }
  std::string Take() { return std::move(bytes_); }

 private:
  void Begin(Record record, size_t payload) {
    BURIN_CHECK(payload + 4 <= 65535);
    Bytes(payload + 4, 2);
    Bytes(record, 2);
  }
  void Bytes(uint64_t value, int count) {
    for (int i = count - 1; i >= 0; --i) bytes_ += static_cast<char>(value >> (8 * i) & 0xFF);
  }

  std::string bytes_;
};

void WriteCell(const Layout& layout, const Cell& cell, Stream& out) {
  out.Put(kBgnStr, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  out.Put(kStrName, cell.name);
  for (const auto& [layer, r] : cell.shapes) {
    out.Put(kBoundary);
    out.Put(kLayer, {layer.number});
    out.Put(kDatatype, {layer.datatype});
    out.PutPoints({{r.x0, r.y0}, {r.x1, r.y0}, {r.x1, r.y1}, {r.x0, r.y1}, {r.x0, r.y0}});
    out.Put(kEndEl);
  }
  for (const Label& label : cell.labels) {
    out.Put(kText);
    out.Put(kLayer, {label.layer.number});
    out.Put(kTextType, {label.layer.datatype});
    out.PutPoints({label.at});
    out.Put(kString, label.text);
    out.Put(kEndEl);
  }
  for (const Placement& p : cell.placements) {
    const bool single = p.columns == 1 && p.rows == 1;
    out.Put(single ? kSref : kAref);
    out.Put(kSname, layout.cells[p.cell].name);
    if (single) {
      out.PutPoints({p.origin});
    } else {
      out.Put(kColRow, {static_cast<int16_t>(p.columns), static_cast<int16_t>(p.rows)});
      out.PutPoints({p.origin,
                     {p.origin.x + p.columns * p.step.x, p.origin.y},
                     {p.origin.x, p.origin.y + p.rows * p.step.y}});
    }
    out.Put(kEndEl);
  }
  out.Put(kEndStr);
}

}  // namespace

Result<std::string> ToGdsii(const Layout& layout, const std::string& library_name) {
  for (const Cell& cell : layout.cells) {
    if (cell.name.empty() || cell.name.size() > kMaxName) {
      return BadInput("GDSII: cell '" + cell.name + "'",
                      fmt::format("a name of {} characters", cell.name.size()),
                      fmt::format("1 .. {}", kMaxName));
    }
    for (const Placement& p : cell.placements) {
      BURIN_CHECK(p.cell < layout.cells.size());
      if (p.columns > kMaxArray || p.rows > kMaxArray) {
        return BadInput("GDSII: an array in cell " + cell.name,
                        fmt::format("{} x {}", p.columns, p.rows),
                        fmt::format("at most {} a side", kMaxArray));
      }
    }
  }
  Stream out;
  out.Put(kHeader, {600});
  out.Put(kBgnLib, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  out.Put(kLibName, library_name);
  out.PutReals(kUnits, {1e-3, 1e-9});
  for (const Cell& cell : layout.cells) WriteCell(layout, cell, out);
  out.Put(kEndLib);
  return out.Take();
}

}  // namespace burin::mask
