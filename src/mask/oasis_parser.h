// Reads OASIS records one by one and reports those that matter. Internal to the reader.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mask/geometry.h"
#include "mask/oasis_cursor.h"

namespace burin::mask {

// A cell's name: text, or a number of the name table.
struct OasisName {
  std::string text;
  uint64_t number = 0;
  bool is_number = false;
};

// What a run of records reports; any of them may be empty. `expand` says whether copies are written
// out.
struct OasisEvents {
  bool expand = false;
  std::function<void(const OasisName&)> cell;
  std::function<void(uint64_t number, std::string_view name)> cell_name;
  std::function<void(Layer, const Rect&, const std::vector<Point>&)> rectangle;
  std::function<void(const OasisName&, Point, const std::vector<Point>&)> placement;
};

class OasisParser {
 public:
  OasisParser(OasisEvents events, uint64_t most_copies)
      : events_(std::move(events)), most_(most_copies) {}

  // Reads one record but not CBLOCK, START and END, whose type the caller has taken from `in`.
  void Record(OasisCursor& in, uint8_t type);
  // Modal values are unknown again: at each CELL.
  void StartCell();

 private:
  void Rectangle(OasisCursor& in);
  void Placement(OasisCursor& in, bool scaled);
  void Text(OasisCursor& in);
  void Property(OasisCursor& in);
  void LayerName(OasisCursor& in);
  void NumberedName(OasisCursor& in, uint8_t type, uint8_t first);
  void Repetition(OasisCursor& in, bool present);
  // A coordinate that is given (absolute or relative) or stays.
  void Move(OasisCursor& in, bool given, int32_t& value) const;

  OasisEvents events_;
  const uint64_t most_;
  std::vector<Point> copies_, last_repetition_;
  bool has_repetition_ = false;
  uint64_t next_number_ = 0;  // of cell names without one

  bool relative_ = false;
  Layer layer_;
  bool layer_known_ = false, datatype_known_ = false;
  int32_t width_ = 0, height_ = 0;  // 0: unknown
  Point at_, place_at_, text_at_;
  OasisName placed_;
  bool placed_known_ = false;
};

}  // namespace burin::mask
