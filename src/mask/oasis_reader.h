// Our own reader of OASIS files (SEMI P39), for reading masks back: what any tool may have written,
// and what an enemy may have. Rectangles and placements are handed over with their repetitions
// written out; texts and properties are read over; polygons, paths, trapezoids and circles, which
// no mask of ours has, are errors with their place.
//
// Opening looks at every record outside compressed blocks and at the first byte of each block, so a
// file of gigabytes opens in seconds and a cell is inflated when it is visited.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "mask/geometry.h"

namespace burin::mask {

struct OasisVisitor {
  // A rectangle and its copies: `offsets` of their lower left corners from the first, which is 0,
  // 0.
  std::function<Status(Layer, const Rect&, std::span<const Point> offsets)> rectangle;
  // A cell at `origin` and its copies; turned ones and mirrored ones are errors before.
  std::function<Status(size_t cell, Point origin, std::span<const Point> offsets)> placement;
};

class OasisFile {
 public:
  // Errors: kIo; not OASIS, cut short, malformed: with the offset.
  static Result<OasisFile> Open(const std::filesystem::path& path);
  // Bytes in memory, which must outlive the file.
  static Result<OasisFile> Parse(std::span<const uint8_t> bytes, std::string object);

  struct CellEntry {
    std::string name;
    uint64_t begin = 0, end = 0;  // bytes of its records, the CELL record not counted
    bool places = false;          // its first record is a placement
  };
  const std::vector<CellEntry>& cells() const { return cells_; }
  const std::string& object() const { return object_; }
  // Index of a cell by name; cells().size() if there is none.
  size_t Find(std::string_view name) const;

  // Hands over what a cell holds, in the order of the file. May be called from many threads.
  // Errors: those of the visitor; malformed records, and what is above kMaxCopies of one.
  Status Visit(size_t cell, const OasisVisitor& visitor) const;

  static constexpr uint64_t kMaxCopies = uint64_t{1} << 22;
  static constexpr uint64_t kMaxBlockBytes = uint64_t{1} << 28;  // of one inflated block

 private:
  class Scanner;

  std::shared_ptr<const MappedFile> file_;
  std::span<const uint8_t> bytes_;
  std::string object_;
  std::vector<CellEntry> cells_;
  std::vector<uint32_t> by_name_;               // indices of cells_, sorted by name
  std::map<uint64_t, std::string> cell_names_;  // of the name table
};

}  // namespace burin::mask
