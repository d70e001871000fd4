#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/mapped_file.h"
#include "base/philox.h"
#include "mask/oasis_reader.h"
#include "mask/oasis_records.h"
#include "mask/oasis_writer.h"
#include "quant/test_models.h"

namespace burin::mask {
namespace {

using testing::HasSubstr;

struct Seen {
  std::vector<std::pair<Layer, Rect>> rectangles;
  std::vector<std::pair<std::string, Point>> placements;
};

Status VisitInto(const OasisFile& file, size_t cell, Seen& seen) {
  OasisVisitor visitor;
  visitor.rectangle = [&](Layer layer, const Rect& rect, std::span<const Point> offsets) -> Status {
    for (const Point& by : offsets) seen.rectangles.emplace_back(layer, rect.Moved(by));
    return {};
  };
  visitor.placement = [&](size_t placed, Point at, std::span<const Point> offsets) -> Status {
    for (const Point& by : offsets) {
      seen.placements.emplace_back(file.cells()[placed].name, Point{at.x + by.x, at.y + by.y});
    }
    return {};
  };
  return file.Visit(cell, visitor);
}

Seen VisitAll(const OasisFile& file, size_t cell) {
  Seen seen;
  const Status status = VisitInto(file, cell, seen);
  EXPECT_TRUE(status) << status.error().ToString();
  return seen;
}

constexpr Layer kVia{68, 44};

// A file of the writer with rows of random gaps, and what it should hold.
std::string WriteRandom(const std::filesystem::path& path, uint64_t seed,
                        std::vector<Rect>& expected) {
  auto writer = OasisWriter::Create(path);
  EXPECT_TRUE(writer);
  OasisCell cell("bank_0");
  for (uint32_t row = 0; row < 20; ++row) {
    std::vector<uint32_t> steps;
    int32_t x = static_cast<int32_t>(Philox(seed, row, 0)[0] % 100000) - 50000;
    const Point first{x, static_cast<int32_t>(row) * 170 - 1000};
    expected.push_back({x, first.y, x + 150, first.y + 150});
    const uint32_t copies = Philox(seed, row, 1)[0] % 40;
    for (uint32_t i = 0; i < copies; ++i) {
      steps.push_back(1 + (Philox(seed, row, 2 + i)[0] >> (8 + Philox(seed, row, 2 + i)[1] % 20)));
      x += static_cast<int32_t>(steps.back()) * 5;
      expected.push_back({x, first.y, x + 150, first.y + 150});
    }
    cell.AddRow(kVia, 150, 150, first, steps, 5);
  }
  EXPECT_TRUE(writer->Add(cell));
  OasisCell top("TOP");
  top.AddPlacement("bank_0", {1000, -2000});
  top.AddPlacement("bank_0", {0, 5000}, 3, 2, {700, 900});
  top.AddText({83, 44}, {5, 6}, "a label");
  EXPECT_TRUE(writer->Add(top));
  EXPECT_TRUE(writer->Finish());
  return ReadTextFile(path).value();
}

TEST(Oasis, ReaderSeesWhatTheWriterWrote) {
  TestFolder folder;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<Rect> expected;
    WriteRandom(folder / "a.oas", seed, expected);
    const auto file = OasisFile::Open(folder / "a.oas");
    ASSERT_TRUE(file) << file.error().ToString();
    ASSERT_EQ(file->cells().size(), 2u);
    EXPECT_FALSE(file->cells()[0].places);
    EXPECT_TRUE(file->cells()[1].places);
    const Seen bank = VisitAll(*file, file->Find("bank_0"));
    ASSERT_EQ(bank.rectangles.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(bank.rectangles[i].first, kVia);
      EXPECT_EQ(bank.rectangles[i].second, expected[i]);
    }
    const Seen top = VisitAll(*file, file->Find("TOP"));
    ASSERT_EQ(top.placements.size(), 7u);
    EXPECT_EQ(top.placements[0].second, (Point{1000, -2000}));
    EXPECT_EQ(top.placements[6].second, (Point{1400, 5900}));
  }
}

TEST(Oasis, SameContentSameBytes) {
  TestFolder folder;
  std::vector<Rect> ignored;
  EXPECT_EQ(WriteRandom(folder / "a.oas", 1, ignored), WriteRandom(folder / "b.oas", 1, ignored));
}

// Every cut and every changed byte is an error or another content, never a crash.
TEST(Oasis, DamagedFilesAreRefusedOrReadDifferently) {
  TestFolder folder;
  std::vector<Rect> expected;
  const std::string good = WriteRandom(folder / "a.oas", 3, expected);
  auto read = [](const std::string& bytes) {
    const auto file =
        OasisFile::Parse({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "x.oas");
    if (!file) return false;
    for (size_t cell = 0; cell < file->cells().size(); ++cell) {
      Seen seen;
      if (!VisitInto(*file, cell, seen)) return false;
    }
    return true;
  };
  ASSERT_TRUE(read(good));
  for (size_t size = 0; size < good.size() - 260; ++size)
    EXPECT_FALSE(read(good.substr(0, size))) << size;
  for (size_t at = 0; at < good.size() - 250; ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
    read(bad);
  }
}

// Records as another tool may write them: a name table behind the cells, modal values, all
// repetitions.
TEST(Oasis, ReadsFormsThatTheWriterDoesNotUse) {
  auto text = [](std::string& out, const std::string& value) {
    out += static_cast<char>(value.size()), out += value;
  };
  std::string bytes(kOasisMagic);
  bytes += '\x01';
  text(bytes, "1.0");
  bytes += '\x07';  // a double: 1000.0
  bytes += std::string("\0\0\0\0\0\x40\x8f\x40", 8);
  bytes += '\x00';
  bytes += std::string(12, '\0');
  bytes += "\x0d\x02";  // CELL number 2
  bytes += std::string("\x14\xdb\x05\x06\x0a\x04\x03",
                       7);  // S W X Y D L: layer 5, type 6, width 10, x 2, y -1
  bytes += std::string("\x14\x14\x06\x01\x01\x01\x03\x02",
                       8);                  // X, repetition 1: x 3, 3 x 3 copies, steps 3 and 2
  bytes += std::string("\x14\x04\x00", 3);  // the same repetition again
  bytes += std::string("\x14\x04\x0a\x00\x25\x06", 6);  // points: one more, by (+9, +3)
  bytes += std::string("\x14\x04\x0a\x00\x32", 5);      // one more, 3 to the north
  bytes += std::string("\x10\x14\x10\x06", 4);          // relative: x + 3
  bytes += std::string("\x1c\x14\x01S\x08\x05", 6);     // a property
  bytes += "\x04";                                      // CELLNAME with a number
  text(bytes, "CHIP");
  bytes += '\x02';
  bytes += '\x02';  // END
  const auto file =
      OasisFile::Parse({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "x.oas");
  ASSERT_TRUE(file) << file.error().ToString();
  ASSERT_EQ(file->Find("CHIP"), 0u);
  const Seen seen = VisitAll(*file, 0);
  ASSERT_EQ(seen.rectangles.size(), 1u + 9 + 9 + 2 + 2 + 1);
  EXPECT_EQ(seen.rectangles[0].first, (Layer{5, 6}));
  EXPECT_EQ(seen.rectangles[0].second, (Rect{2, -1, 12, 9}));
  EXPECT_EQ(seen.rectangles[9].second, (Rect{3 + 6, -1 + 4, 19, 13}));
  EXPECT_EQ(seen.rectangles[18].second, (Rect{9, 3, 19, 13}));
  EXPECT_EQ(seen.rectangles[20].second, (Rect{3 + 9, -1 + 3, 22, 12}));
  EXPECT_EQ(seen.rectangles[22].second, (Rect{3, 2, 13, 12}));
  EXPECT_EQ(seen.rectangles[23].second, (Rect{6, -1, 16, 9}));
}

// One layout as KLayout wrote it plain, compressed, and in strict mode with offset tables.
TEST(Oasis, ReadsWhatKLayoutWrites) {
  for (const char* name : {"klayout-0-0-0", "klayout-10-1-0", "klayout-10-1-1"}) {
    const auto file =
        OasisFile::Open(std::filesystem::path(BURIN_SOURCE_DIR) / "fuzz/corpus/oasis" / name);
    ASSERT_TRUE(file) << file.error().ToString();
    Seen bank = VisitAll(*file, file->Find("bank_0"));
    EXPECT_EQ(bank.rectangles.size(), 12u * 5 + 6) << name;
    const Seen top = VisitAll(*file, file->Find("TOP"));
    EXPECT_EQ(top.placements.size(), 3u * 2 + 3) << name;
    EXPECT_TRUE(file->cells()[file->Find("TOP")].places);
    EXPECT_FALSE(file->cells()[file->Find("bank_0")].places);
    for (int32_t i = 0; i < 12; ++i) {
      for (int32_t j = 0; j < 5; ++j) {
        const int32_t x = i * 680 + i * j % 7 * 40, y = j * 460;
        EXPECT_THAT(bank.rectangles,
                    testing::Contains(std::pair(kVia, Rect{x, y, x + 150, y + 150})));
      }
    }
  }
}

TEST(Oasis, RefusesWhatNoMaskHas) {
  auto error_of = [](const std::string& records) {
    std::string bytes(kOasisMagic);
    bytes.append(
        "\x01\x03"
        "1.0\0\xe8\x07\0",
        9);
    bytes.append(12, '\0');
    bytes.append(
        "\x0e\x01"
        "A",
        3);
    bytes.append(records).push_back('\x02');
    const auto file =
        OasisFile::Parse({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "x.oas");
    if (!file) return file.error().ToString();
    Seen seen;
    const Status status = VisitInto(*file, 0, seen);
    return status ? std::string("no error") : status.error().ToString();
  };
  EXPECT_EQ(error_of(""), "no error");
  EXPECT_THAT(error_of("\x15"), HasSubstr("a polygon"));
  EXPECT_THAT(error_of(std::string("\x14\x00", 2)), HasSubstr("without layer or size"));
  EXPECT_THAT(error_of("\x50"), HasSubstr("unknown type"));
  EXPECT_THAT(error_of(std::string("\x11\x83\x01"
                                   "A",
                                   4)),
              HasSubstr("turned, mirrored"));
  EXPECT_THAT(error_of(std::string("\x11\x80\x01"
                                   "B",
                                   4)),
              HasSubstr("places 'B'"));
  // 2^40 copies in ten bytes.
  EXPECT_THAT(error_of(std::string(
                  "\x14\x67\x01\x01\x01\x01\x01\xff\xff\xff\x7f\xff\xff\xff\x7f\x01\x01", 17)),
              HasSubstr("too many copies"));
  // A block that claims a gigabyte.
  EXPECT_THAT(error_of(std::string("\x22\x00\x80\x80\x80\x80\x04\x01\x03", 9)),
              HasSubstr("256 MiB"));
}

}  // namespace
}  // namespace burin::mask
