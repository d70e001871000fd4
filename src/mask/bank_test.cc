#include "mask/bank.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "mask/gdsii_writer.h"
#include "mask/patterns.h"

namespace burin::mask {
namespace {

Bank Make(const char* process, const BankShape& shape) {
  const auto rules = Rules::Load(process);
  EXPECT_TRUE(rules) << rules.error().ToString();
  auto bank = Bank::Create(*rules, shape);
  EXPECT_TRUE(bank) << bank.error().ToString();
  return *bank;
}

Layer LayerOf(const char* process, Role role) { return *Rules::Load(process)->layer(role); }

// How many rectangles of a sorted list hold `site`.
std::vector<Rect> Holding(const std::vector<Rect>& rects, const Rect& site) {
  std::vector<Rect> found;
  std::copy_if(rects.begin(), rects.end(), std::back_inserter(found),
               [&](const Rect& r) { return r.Contains(site); });
  return found;
}

class BankOf : public testing::TestWithParam<std::tuple<const char*, int>> {};

INSTANTIATE_TEST_SUITE_P(All, BankOf,
                         testing::Combine(testing::Values("sky130", "asap7"),
                                          testing::Values(8, 16)));

// Each site lies on exactly one line and inside one strap (at its ends inside a pad on it too);
// sites of a cell share the strap and have lines of their own; cells of a row share no strap and
// cells of a column share their lines.
TEST_P(BankOf, EverySiteJoinsItsOwnStrapToItsOwnLine) {
  const auto [process, lines] = GetParam();
  const Bank bank = Make(process, {12, 9, lines, 0, 0});
  const auto line_rects = Flatten(bank.base(), LayerOf(process, Role::kLine));
  const auto strap_rects = Flatten(bank.base(), LayerOf(process, Role::kStrap));
  std::map<std::pair<int32_t, int32_t>, std::pair<int, int>> cell_of_strap;
  std::map<int32_t, std::pair<int, int>> column_of_line;
  for (int row = 0; row < 12; ++row) {
    for (int col = 0; col < 9; ++col) {
      for (int code = 0; code < lines; ++code) {
        const Rect site = bank.ViaSite(row, col, code);
        const auto on_lines = Holding(line_rects, site);
        const auto on_straps = Holding(strap_rects, site);
        ASSERT_FALSE(on_lines.empty()) << row << " " << col << " " << code;
        ASSERT_FALSE(on_straps.empty()) << row << " " << col << " " << code;
        const Rect longest =
            *std::max_element(on_straps.begin(), on_straps.end(),
                              [](const Rect& a, const Rect& b) { return a.width() < b.width(); });
        for (const Rect& r : on_straps) EXPECT_TRUE(r.Touches(longest));
        const auto line = column_of_line.try_emplace(on_lines[0].x0, col, code).first->second;
        EXPECT_EQ(line, std::make_pair(col, code));
        const auto strap =
            cell_of_strap.try_emplace({longest.x0, longest.y0}, row, col).first->second;
        EXPECT_EQ(strap, std::make_pair(row, col));
      }
    }
  }
  EXPECT_EQ(cell_of_strap.size(), 12u * 9);
  EXPECT_EQ(column_of_line.size(), 9u * static_cast<size_t>(lines));
}

TEST_P(BankOf, SitesAreDisjointFromEachOtherAndFromTheBase) {
  const auto [process, lines] = GetParam();
  const Bank bank = Make(process, {16, 6, lines, 3, 5});
  std::vector<Rect> all = bank.FixedVias();
  ASSERT_FALSE(all.empty());
  for (int row = 0; row < 16; ++row) {
    for (int col = 0; col < 6; ++col) {
      for (int code = 0; code < lines; ++code) all.push_back(bank.ViaSite(row, col, code));
    }
  }
  std::sort(all.begin(), all.end(), [](const Rect& a, const Rect& b) { return a.x0 < b.x0; });
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = i + 1; j < all.size() && all[j].x0 <= all[i].x1; ++j) {
      ASSERT_FALSE(all[i].Touches(all[j]));
    }
  }
}

TEST_P(BankOf, EveryConstantBitHasTwoSitesOnRailsOfItsOwnAndOneOutput) {
  const auto [process, lines] = GetParam();
  const Bank bank = Make(process, {4, 4, lines, 5, 9});
  const auto rails = Flatten(bank.base(), LayerOf(process, Role::kLine));
  const auto outputs = Flatten(bank.base(), LayerOf(process, Role::kConstant));
  EXPECT_EQ(outputs.size(), 45u);
  EXPECT_TRUE(Flatten(bank.base(), bank.constant_layer()).empty());
  std::set<std::array<int32_t, 2>> seen_outputs;
  for (int word = 0; word < 5; ++word) {
    for (int bit = 0; bit < 9; ++bit) {
      const auto zero = Holding(rails, bank.ConstantSite(word, bit, 0));
      const auto one = Holding(rails, bank.ConstantSite(word, bit, 1));
      ASSERT_EQ(zero.size(), 1u);
      ASSERT_EQ(one.size(), 1u);
      EXPECT_FALSE(zero[0].Touches(one[0]));
      const auto out = Holding(outputs, bank.ConstantSite(word, bit, 0));
      ASSERT_EQ(out.size(), 1u);
      EXPECT_TRUE(out[0].Contains(bank.ConstantSite(word, bit, 1)));
      EXPECT_TRUE(seen_outputs.insert({out[0].x0, out[0].y0}).second);
    }
  }
}

TEST(Bank, ShapesOutOfRangeAreRefused) {
  const auto rules = Rules::Load("sky130");
  const auto refused = [&](const BankShape& shape) {
    const auto bank = Bank::Create(*rules, shape);
    return bank ? std::string() : bank.error().ToString();
  };
  EXPECT_NE(refused({0, 4, 16, 0, 0}).find("rows"), std::string::npos);
  EXPECT_NE(refused({6, 4, 16, 0, 0}).find("multiple of 4"), std::string::npos);
  EXPECT_NE(refused({8, 0, 16, 0, 0}).find("columns"), std::string::npos);
  EXPECT_NE(refused({8, 5000, 16, 0, 0}).find("columns"), std::string::npos);
  EXPECT_NE(refused({8, 4, 12, 0, 0}).find("power of two"), std::string::npos);
  EXPECT_NE(refused({8, 4, 16, 0, 8}).find("constants"), std::string::npos);
  EXPECT_NE(refused({8, 4, 16, 65537, 8}).find("constant words"), std::string::npos);
}

// The areas that docs/masks.md and data/measurements quote.
TEST(Bank, CellsHaveTheAreasOfTheDocuments) {
  EXPECT_NEAR(Make("sky130", {4, 1, 16, 0, 0}).cell().CellArea(), 0.46 * 6.80, 1e-9);
  EXPECT_NEAR(Make("sky130", {4, 1, 8, 0, 0}).cell().CellArea(), 0.46 * 3.60, 1e-9);
  EXPECT_NEAR(Make("asap7", {4, 1, 16, 0, 0}).cell().CellArea(), 0.054 * 0.648, 1e-9);
  EXPECT_NEAR(Make("asap7", {4, 1, 8, 0, 0}).cell().CellArea(), 0.054 * 0.351, 1e-9);
}

TEST(Patterns, AllPairsHoldsEveryPairBesideAndAboveEachOther) {
  for (int lines : {8, 16}) {
    const int rows = AllPairsRows(lines), cols = lines + 1;
    std::set<std::array<int, 3>> above;  // kind of track, lower, upper
    std::set<std::array<int, 2>> beside;
    std::map<int, int> row_of_track;
    for (int row = 0; row < rows; ++row) row_of_track[TrackOfRow(row)] = row;
    for (int row = 0; row < rows; ++row) {
      const auto next = row_of_track.find(TrackOfRow(row) + 1);
      for (int col = 0; col < cols; ++col) {
        const int code = AllPairsCode(row, col, lines);
        ASSERT_TRUE(0 <= code && code < lines);
        if (col + 1 < cols) beside.insert({code, AllPairsCode(row, col + 1, lines)});
        if (next != row_of_track.end())
          above.insert({row % 4, code, AllPairsCode(next->second, col, lines)});
      }
    }
    EXPECT_EQ(beside.size(), static_cast<size_t>(lines * lines));
    EXPECT_EQ(above.size(), static_cast<size_t>(4 * lines * lines));
  }
}

// Records of a library with one rectangle and one array, by hand from the format's description.
TEST(Gdsii, BytesAreThoseOfTheFormat) {
  Layout layout;
  layout.cells.push_back({"a", {{{68, 20}, {0, -1, 2, 3}}}, {}, {}});
  layout.cells.push_back({"top", {}, {}, {{0, {5, 6}, 2, 3, {10, 20}}}});
  const std::string bytes = *ToGdsii(layout, "lib");
  const auto at = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  EXPECT_EQ(bytes.substr(0, 6), std::string("\x00\x06\x00\x02\x02\x58", 6));  // HEADER 600
  EXPECT_EQ(bytes.substr(6, 4), std::string("\x00\x1c\x01\x02", 4));  // BGNLIB with 12 zeros
  EXPECT_EQ(bytes.substr(34, 8), std::string("\x00\x08\x02\x06lib\x00", 8));
  // UNITS: 1e-3 = 0x3E4189374BC6A7F0, 1e-9 = 0x3944B82FA09B5A5x in excess-64.
  EXPECT_EQ(bytes.substr(42, 4), std::string("\x00\x14\x03\x05", 4));
  EXPECT_EQ(at(46), 0x3E);
  EXPECT_EQ(at(47), 0x41);
  EXPECT_EQ(at(48), 0x89);
  EXPECT_EQ(at(54), 0x39);
  EXPECT_EQ(at(55), 0x44);
  EXPECT_EQ(at(56), 0xB8);
  EXPECT_NE(bytes.find(std::string(
                "\x00\x06\x0D\x02\x00\x44\x00\x06\x0E\x02\x00\x14\x00\x2C\x10\x03", 16)),
            std::string::npos);
  EXPECT_NE(bytes.find(std::string(
                "\x00\x08\x13\x02\x00\x02\x00\x03\x00\x1C\x10\x03\x00\x00\x00\x05\x00\x00\x00\x06"
                "\x00\x00\x00\x19\x00\x00\x00\x06\x00\x00\x00\x05\x00\x00\x00\x42",
                36)),
            std::string::npos);
  EXPECT_EQ(bytes.substr(bytes.size() - 4), std::string("\x00\x04\x04\x00", 4));
  layout.cells[0].name.assign(33, 'x');
  EXPECT_FALSE(ToGdsii(layout, "lib"));
}

TEST(Gdsii, SameBankSameBytes) {
  const Bank one = Make("sky130", {8, 8, 16, 4, 8}), two = Make("sky130", {8, 8, 16, 4, 8});
  EXPECT_EQ(*ToGdsii(one.base(), "burin"), *ToGdsii(two.base(), "burin"));
}

}  // namespace
}  // namespace burin::mask
