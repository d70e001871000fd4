// OASIS files (SEMI P39) of whole models: cells are handed over one after the other and go straight
// to the disk, so a file of any size needs the memory of one cell. Deterministic: no dates, names
// in order, one compression.
//
// Forms used: START with the unit of one nanometre, CELL by name, inside a cell one CBLOCK
// (deflate) of RECTANGLE, PLACEMENT, TEXT and XYRELATIVE records with repetitions, END. No name
// tables and no properties.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "mask/geometry.h"

namespace burin::mask {

// The records of one cell, as bytes.
class OasisCell {
 public:
  explicit OasisCell(std::string name) : name_(std::move(name)) {}

  // Equal rectangles in a row: the first with its lower left corner at `first`, each next one
  // further right by its gap in `steps` (positive), counted in `grid` nanometres.
  void AddRow(Layer layer, int32_t width, int32_t height, Point first,
              std::span<const uint32_t> steps, int32_t grid);
  void AddRectangle(Layer layer, const Rect& rect);
  // Regular array; columns, rows >= 1, steps >= 0.
  void AddPlacement(std::string_view cell, Point origin, int32_t columns = 1, int32_t rows = 1,
                    Point step = {});
  void AddText(Layer layer, Point at, std::string_view text);

  const std::string& name() const { return name_; }
  std::span<const uint8_t> bytes() const { return bytes_; }
  // Empty again, with a new name; keeps its memory.
  void Reset(std::string name);

 private:
  void Header(Layer layer, int32_t width, int32_t height, Point at, bool repeats);
  // Coordinates of what follows count from the last rectangle (rows of vias: small numbers that
  // repeat), or are absolute.
  void SetRelative(bool relative);

  std::string name_;
  std::vector<uint8_t> bytes_;
  bool relative_ = false;
  bool any_rectangle_ = false;  // the modal values below are those of the last one
  Layer layer_;
  int32_t width_ = 0, height_ = 0;
  Point at_;
};

// The CELL record and its CBLOCK: what AddEncoded writes. Safe to call from many threads.
std::vector<uint8_t> EncodeCell(const OasisCell& cell);

class OasisWriter {
 public:
  // Begins PATH.partial. Errors: it cannot be created.
  static Result<OasisWriter> Create(const std::filesystem::path& path);
  // One that writes nowhere: for size and digest alone.
  static OasisWriter Measuring();
  OasisWriter(OasisWriter&&) noexcept;
  ~OasisWriter();  // an unfinished file is removed

  // A cell must come after those that it places.
  Status Add(const OasisCell& cell) { return AddEncoded(EncodeCell(cell)); }
  Status AddEncoded(std::span<const uint8_t> bytes);
  // Where the next cell begins.
  uint64_t offset() const;

  struct Written {
    uint64_t bytes = 0;
    Sha256Digest digest{};
  };
  // Ends the file and gives it its name. Errors: kIo.
  Result<Written> Finish();

 private:
  struct Impl;
  explicit OasisWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// All cells of a layout, under names that begin with `prefix`.
Status WriteCells(const Layout& layout, const std::string& prefix, OasisWriter& writer);

}  // namespace burin::mask
