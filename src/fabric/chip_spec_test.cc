#include "fabric/chip_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "fabric/bracket_reader.h"
#include "fabric/data_files.h"
#include "quant/test_models.h"

namespace burin {
namespace {

using testing::HasSubstr;

std::string NanoText() { return ReadData("chips", "nano").value().text; }

// The error of LoadChip for the nano chip with `from` replaced.
std::string ErrorWith(const std::string& from, const std::string& to) {
  std::string text = NanoText();
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  TestFolder folder;
  const std::string path = folder / "mine.toml";
  std::ofstream(path) << text;
  const auto chip = LoadChip(path);
  return chip ? "no error" : chip.error().ToString();
}

TEST(LoadChip, EveryPresetLoadsAndIsValid) {
  ASSERT_FALSE(ChipNames().empty());
  for (const std::string& name : ChipNames()) {
    const auto chip = LoadChip(name);
    ASSERT_TRUE(chip) << chip.error().ToString();
    EXPECT_EQ(chip->name, name);
    EXPECT_TRUE(ValidateChip(*chip));
    for (const Bracket& b :
         {chip->clock_hz, chip->mm_per_cycle, chip->link_bytes_per_s, chip->link_latency_s}) {
      EXPECT_LE(b.low, b.nominal);
      EXPECT_LE(b.nominal, b.high);
      EXPECT_FALSE(b.source.empty());
    }
  }
}

TEST(LoadChip, NamesTheNearOnesOfAnUnknownName) {
  const auto chip = LoadChip("nan0");
  ASSERT_FALSE(chip);
  EXPECT_THAT(chip.error().ToString(), HasSubstr("chip 'nan0': is unknown; expected one of nano"));
}

TEST(LoadChip, NamesFileLineAndKey) {
  EXPECT_THAT(ErrorWith("rows = 128", "rows = -128"),
              HasSubstr("mine.toml:5: rows: -128; expected an integer 32 to 65536"));
  EXPECT_THAT(ErrorWith("rows = 128\n", ""), HasSubstr("mine.toml: rows: is missing"));
  EXPECT_THAT(ErrorWith("nominal = 50e6\n", ""), HasSubstr(":25: clock_hz.nominal: is missing"));
  EXPECT_THAT(ErrorWith("nominal = 50e6", "nominal = -50e6"),
              HasSubstr(":27: clock_hz.nominal: -50000000; expected a number not below low"));
  EXPECT_THAT(ErrorWith("unit = \"Hz\"\n", ""), HasSubstr("clock_hz.unit: is missing"));
  EXPECT_THAT(ErrorWith("unit = \"Hz\"", "unit = \"MHz\""),
              HasSubstr("clock_hz.unit: \"MHz\"; expected one of Hz"));
  EXPECT_THAT(ErrorWith("grade = \"D\"\n", ""), HasSubstr("clock_hz.grade: is missing"));
  EXPECT_THAT(ErrorWith("high = 66e6", "high = nan"), HasSubstr("clock_hz.high: nan"));
  EXPECT_THAT(ErrorWith("top_k = 8", "top_q = 8"), HasSubstr("top_k: is missing"));
  EXPECT_THAT(ErrorWith("top_k = 8", "top_k = 8\ntop_q = 8"),
              HasSubstr(":18: top_q: is unknown; expected a known key, such as top_k"));
  EXPECT_THAT(ErrorWith("top_k = 8", "top_k = = 8"), HasSubstr("mine.toml:17: "));
  EXPECT_THAT(ErrorWith("columns = 64", "columns = 72"),
              HasSubstr("mine.toml:6: columns: 72; expected a multiple of 16, such as 64 or 80"));
  EXPECT_THAT(ErrorWith("vector_lanes = 16", "vector_lanes = 24"), HasSubstr("such as 64"));
  EXPECT_THAT(ErrorWith("levels = 16", "levels = 12"), HasSubstr("levels: 12; expected 8"));
  EXPECT_THAT(ErrorWith("columns_per_scaler = 16", "columns_per_scaler = 24"),
              HasSubstr("columns_per_scaler: 24"));
}

TEST(TomlReader, ReadsArraysOfTables) {
  auto reader = TomlReader::Parse("[[system]]\nname = \"a\"\n[[system]]\nname = \"b\"\n", "x.toml");
  ASSERT_TRUE(reader);
  ASSERT_EQ(reader->ArraySize("system"), 2);
  EXPECT_EQ(reader->Text("system[1].name"), "b");
  const Status unread = reader->Finish();
  ASSERT_FALSE(unread);
  EXPECT_THAT(unread.error().ToString(), HasSubstr("x.toml:2: system[0].name: is unknown"));
}

}  // namespace
}  // namespace burin
