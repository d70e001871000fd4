// Numbers of the OASIS format (SEMI P39) that writer and reader share. Internal.
#pragma once

#include <cstdint>
#include <string_view>

namespace burin::mask {

inline constexpr std::string_view kOasisMagic = "%SEMI-OASIS\r\n";

enum OasisRecord : uint8_t {
  kPad = 0,
  kStart = 1,
  kEnd = 2,
  kCellName = 3,    // 4 with a number
  kTextString = 5,  // 6
  kPropName = 7,    // 8
  kPropString = 9,  // 10
  kLayerName = 11,  // 12 for texts
  kCellByNumber = 13,
  kCellByName = 14,
  kXyAbsolute = 15,
  kXyRelative = 16,
  kPlacement = 17,
  kPlacementScaled = 18,
  kText = 19,
  kRectangle = 20,
  kPolygon = 21,
  kPath = 22,
  kTrapezoid = 23,  // 24, 25
  kCtrapezoid = 26,
  kCircle = 27,
  kProperty = 28,
  kPropertyRepeat = 29,
  kXName = 30,  // 31
  kXElement = 32,
  kXGeometry = 33,
  kCblock = 34,
};

// Info byte of a rectangle, from the lowest bit.
inline constexpr uint8_t kInfoLayer = 1, kInfoDatatype = 2, kInfoRepetition = 4, kInfoY = 8,
                         kInfoX = 16, kInfoHeight = 32, kInfoWidth = 64, kInfoSquare = 128;
// Of a placement: flip, two bits of angle, repetition, y, x, name by number, name given.
inline constexpr uint8_t kPlaceFlip = 1, kPlaceRepetition = 8, kPlaceY = 16, kPlaceX = 32,
                         kPlaceNumber = 64, kPlaceExplicit = 128;
// Of a text.
inline constexpr uint8_t kTextLayer = 1, kTextType = 2, kTextRepetition = 4, kTextY = 8,
                         kTextX = 16, kTextNumber = 32, kTextExplicit = 64;

enum OasisRepetition : uint8_t {
  kRepeatLast = 0,
  kRepeatMatrix = 1,
  kRepeatRow = 2,
  kRepeatColumn = 3,
  kRepeatRowIrregular = 4,
  kRepeatRowIrregularGrid = 5,
  kRepeatColumnIrregular = 6,
  kRepeatColumnIrregularGrid = 7,
  kRepeatLattice = 8,
  kRepeatLine = 9,
  kRepeatPoints = 10,
  kRepeatPointsGrid = 11,
};

}  // namespace burin::mask
