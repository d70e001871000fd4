#include "mask/oasis_parser.h"

#include <utility>

#include "mask/oasis_records.h"

namespace burin::mask {
namespace {

int16_t LayerNumber(OasisCursor& in) {
  constexpr uint64_t kMost = 32767;
  const uint64_t value = in.Unsigned();
  if (value > kMost) in.Fail("a layer number above 32767");
  return in.ok() ? static_cast<int16_t>(value) : int16_t{0};
}

int32_t Length(OasisCursor& in) {
  constexpr uint64_t kMost = uint64_t{1} << 30;
  const uint64_t value = in.Unsigned();
  if (value == 0 || value > kMost) in.Fail("a rectangle with a side of 0 or above 2^30");
  return in.ok() ? static_cast<int32_t>(value) : 0;
}

}  // namespace

void OasisParser::StartCell() {
  relative_ = layer_known_ = datatype_known_ = placed_known_ = has_repetition_ = false;
  width_ = height_ = 0;
  at_ = place_at_ = text_at_ = {};
}

void OasisParser::Record(OasisCursor& in, uint8_t type) {
  switch (type) {
    case kPad:
      return;
    case kCellName:
    case kCellName + 1:
    case kTextString:
    case kTextString + 1:
    case kPropName:
    case kPropName + 1:
    case kPropString:
    case kPropString + 1:
      return NumberedName(in, type, static_cast<uint8_t>((type - 1) / 2 * 2 + 1));
    case kLayerName:
    case kLayerName + 1:
      return LayerName(in);
    case kXyAbsolute:
    case kXyRelative:
      relative_ = type == kXyRelative;
      return;
    case kPlacement:
    case kPlacementScaled:
      return Placement(in, type == kPlacementScaled);
    case kText:
      return Text(in);
    case kRectangle:
      return Rectangle(in);
    case kProperty:
      return Property(in);
    case kPropertyRepeat:
      return;
    case kXName:
      in.Unsigned();
      in.Text();
      return;
    case kXName + 1:
      in.Unsigned();
      in.Text();
      in.Unsigned();
      return;
    case kXElement:
      in.Unsigned();
      in.Text();
      return;
    case kPolygon:
    case kPath:
    case kTrapezoid:
    case kTrapezoid + 1:
    case kTrapezoid + 2:
    case kCtrapezoid:
    case kCircle:
    case kXGeometry:
      return in.Fail("a polygon, path, trapezoid or circle: our masks have rectangles only");
    default:
      return in.Fail("a record of unknown type");
  }
}

void OasisParser::NumberedName(OasisCursor& in, uint8_t type, uint8_t first) {
  const std::string_view name = in.Text();
  const bool numbered = type != first;
  const uint64_t number = numbered ? in.Unsigned() : 0;
  if (first != kCellName || !in.ok()) return;
  const uint64_t chosen = numbered ? number : next_number_++;
  if (events_.cell_name) events_.cell_name(chosen, name);
}

void OasisParser::LayerName(OasisCursor& in) {
  in.Text();
  for (int interval = 0; interval < 2; ++interval) {
    const uint64_t kind = in.Unsigned();
    if (kind > 4) return in.Fail("a layer interval of unknown type");
    if (kind > 0) in.Unsigned();
    if (kind == 4) in.Unsigned();
  }
}

void OasisParser::Move(OasisCursor& in, bool given, int32_t& value) const {
  if (!given) return;
  const int64_t next = (relative_ ? int64_t{value} : 0) + in.Coordinate();
  constexpr int64_t kFarthest = int64_t{1} << 30;
  if (next < -kFarthest || next > kFarthest) return in.Fail("a coordinate beyond 2^30");
  value = static_cast<int32_t>(next);
}

// Without one the copies are the first alone, and the last repetition is kept for type 0.
void OasisParser::Repetition(OasisCursor& in, bool present) {
  copies_.assign(1, {});
  if (!present) return;
  const uint64_t type = in.Unsigned();
  if (type == kRepeatLast) {
    if (!has_repetition_) return in.Fail("reuses a repetition before there is one");
  } else {
    ReadRepetition(in, type, events_.expand, most_, last_repetition_);
    has_repetition_ = true;
  }
  if (events_.expand) copies_ = last_repetition_;
}

void OasisParser::Rectangle(OasisCursor& in) {
  const uint8_t info = in.Byte();
  if (info & kInfoLayer) layer_.number = LayerNumber(in), layer_known_ = true;
  if (info & kInfoDatatype) layer_.datatype = LayerNumber(in), datatype_known_ = true;
  if (info & kInfoWidth) width_ = Length(in);
  if (info & kInfoSquare) {
    if (info & kInfoHeight) in.Fail("a square with a height");
    height_ = width_;
  } else if (info & kInfoHeight) {
    height_ = Length(in);
  }
  Move(in, (info & kInfoX) != 0, at_.x);
  Move(in, (info & kInfoY) != 0, at_.y);
  Repetition(in, (info & kInfoRepetition) != 0);
  if (!layer_known_ || !datatype_known_ || width_ == 0 || height_ == 0) {
    in.Fail("a rectangle without layer or size");
  }
  if (in.ok() && events_.rectangle) {
    events_.rectangle(layer_, {at_.x, at_.y, at_.x + width_, at_.y + height_}, copies_);
  }
}

void OasisParser::Placement(OasisCursor& in, bool scaled) {
  const uint8_t info = in.Byte();
  if (info & kPlaceExplicit) {
    placed_ = {};
    placed_.is_number = (info & kPlaceNumber) != 0;
    if (placed_.is_number) {
      placed_.number = in.Unsigned();
    } else {
      placed_.text = in.Text();
    }
    placed_known_ = true;
  }
  bool turned = (info & kPlaceFlip) != 0;
  if (scaled) {
    turned = turned || (info & 6) != 0;  // magnification or angle given
    if (info & 4) in.SkipReal();
    if (info & 2) in.SkipReal();
  } else {
    turned = turned || (info & 6) != 0;
  }
  if (turned) in.Fail("a turned, mirrored or scaled cell: ours stand as they are drawn");
  Move(in, (info & kPlaceX) != 0, place_at_.x);
  Move(in, (info & kPlaceY) != 0, place_at_.y);
  Repetition(in, (info & kPlaceRepetition) != 0);
  if (!placed_known_) in.Fail("a placement without a cell");
  if (in.ok() && events_.placement) events_.placement(placed_, place_at_, copies_);
}

void OasisParser::Text(OasisCursor& in) {
  const uint8_t info = in.Byte();
  if (info & kTextExplicit) {
    if (info & kTextNumber) {
      in.Unsigned();
    } else {
      in.Text();
    }
  }
  if (info & kTextLayer) in.Unsigned();
  if (info & kTextType) in.Unsigned();
  Move(in, (info & kTextX) != 0, text_at_.x);
  Move(in, (info & kTextY) != 0, text_at_.y);
  Repetition(in, (info & kTextRepetition) != 0);
}

void OasisParser::Property(OasisCursor& in) {
  const uint8_t info = in.Byte();
  if (info & 4) {  // named here
    if (info & 2) {
      in.Unsigned();
    } else {
      in.Text();
    }
  }
  if (info & 8) return;  // the values of the last one
  constexpr uint8_t kCounted = 15;
  uint64_t values = info >> 4;
  if (values == kCounted) values = in.Unsigned();
  for (uint64_t i = 0; i < values && in.ok(); ++i) {
    const uint64_t type = in.Unsigned();
    if (type <= 7) {
      in.SkipRealOfType(type);
    } else if (type == 8 || type == 9 || type >= 13) {
      if (type > 15) return in.Fail("a property value of unknown type");
      in.Unsigned();
    } else {
      in.Text();
    }
  }
}

}  // namespace burin::mask
