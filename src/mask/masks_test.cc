#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/mapped_file.h"
#include "base/output_file.h"
#include "base/philox.h"
#include "fabric/data_files.h"
#include "mask/die.h"
#include "mask/low_rank.h"
#include "mask/mask_diff.h"
#include "mask/masks_writer.h"
#include "mask/page_constants.h"
#include "mask/read_back.h"
#include "mask/rounding.h"
#include "mask/table_rom.h"
#include "quant/cartridge.h"
#include "quant/engrave.h"
#include "quant/test_models.h"

namespace burin::mask {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

// A chip small enough for a test, with pages, unused banks and room for the smallest groups.
ChipSpec SmallChip() {
  ChipSpec chip = LoadChip("nano").value();
  chip.rows = 32;
  chip.columns = 32;
  chip.columns_per_scaler = chip.vector_lanes = 16;
  chip.fold = 2;
  chip.banks = 60;
  chip.table_bytes = 16384;
  return chip;
}

constexpr const char* kChipText = R"(title = "test"
process = "sky130"
rows = 32
columns = 32
fold = 2
banks = 60
levels = 16
smallest_group = 32
columns_per_scaler = 16
vector_lanes = 16
layer_engines = 1
attention_heads = 1
attention_positions = 1
head_lanes = 1
top_k = 8
adapter_lanes = 16
max_rank = 16
kv_bytes = 405504
adapter_bytes = 524288
table_bytes = 16384
dies = 1
clock_hz = { low = 1, nominal = 1, high = 1, unit = "Hz", grade = "D", source = "test" }
mm_per_cycle = { low = 1, nominal = 1, high = 1, unit = "mm", grade = "D", source = "test" }
link_bytes_per_s = { low = 1, nominal = 1, high = 1, unit = "B/s", grade = "D", source = "test" }
link_latency_s = { low = 1, nominal = 1, high = 1, unit = "s", grade = "D", source = "test" }
)";

// Masks of synthetic models in folders of their own.
class Masks : public testing::Test {
 protected:
  Masks() : pool_(2), die_(Die::Create(SmallChip(), Rules::Load("sky130").value()).value()) {}

  QuantizedModel Engraved(const char* name, uint64_t seed, const EngraveOptions& options) {
    ModelConfig config = SmallConfig();
    config.qk_norm = config.qkv_bias = false;
    const auto made = EngraveSynthetic(config, options, seed, folder_ / name, pool_);
    EXPECT_TRUE(made) << made.error().ToString();
    return OpenCartridge(folder_ / name).value();
  }
  Result<MaskManifest> Write(const QuantizedModel& model, const char* name) {
    const auto fabric = Place(PlanOf(model, "m"), die_.chip());
    EXPECT_TRUE(fabric) << fabric.error().ToString();
    const std::string rules = ReadData("rules", "sky130").value().text;
    BURIN_ASSIGN(OutputFolder out, OutputFolder::Create(folder_ / name, kManifestName, false));
    return WriteMasks(*fabric, die_, {"test", kChipText, rules}, out, pool_, nullptr);
  }
  ReadBack Read(const char* name, const QuantizedModel* model) {
    auto read = ReadMasks(folder_ / name, model, pool_, nullptr);
    EXPECT_TRUE(read) << read.error().ToString();
    return read ? *read : ReadBack{};
  }

  TestFolder folder_;
  ThreadPool pool_;
  Die die_;
};

TEST_F(Masks, ReadBackIsTheCartridgeForEveryWidth) {
  const std::pair<int, const char*> widths[] = {
      {3, ""}, {4, ""}, {6, ""}, {4, "*.down_proj=6,*.k_proj=3"}};
  int n = 0;
  for (const auto& [bits, tensor_bits] : widths) {
    const std::string name = fmt::format("m{}", n++);
    const QuantizedModel model = Engraved((name + ".burin").c_str(), 5,
                                          {.bits = bits, .tensor_bits = tensor_bits, .group = 32});
    ASSERT_TRUE(Write(model, name.c_str()));
    for (const QuantizedModel* compared : {&model, static_cast<const QuantizedModel*>(nullptr)}) {
      const ReadBack read = Read(name.c_str(), compared);
      EXPECT_THAT(read.problems, testing::IsEmpty());
      ASSERT_TRUE(read.digest);
      EXPECT_EQ(*read.digest, model.digest);
      EXPECT_EQ(read.tensors.size(), MatricesIn(model).size());
      EXPECT_EQ(read.weight_vias % (32 * 32), 0);
    }
  }
}

TEST_F(Masks, BaseIsTheSameForEveryModelAndBytesForEveryPool) {
  const QuantizedModel a = Engraved("a.burin", 1, {.bits = 3, .group = 32});
  const QuantizedModel b = Engraved("b.burin", 2, {.bits = 4, .group = 32});
  const auto first = Write(a, "a"), second = Write(b, "b");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->files[0].sha256, second->files[0].sha256);
  EXPECT_NE(first->files[1].sha256, second->files[1].sha256);
  EXPECT_NE(first->files[2].sha256, second->files[2].sha256);
  ThreadPool alone(1);
  const auto fabric = Place(PlanOf(a, "m"), die_.chip());
  auto out = OutputFolder::Create(folder_ / "c", kManifestName, false);
  ASSERT_TRUE(out);
  const auto again = WriteMasks(
      *fabric, die_, {"test", kChipText, ReadData("rules", "sky130")->text}, *out, alone, nullptr);
  ASSERT_TRUE(again);
  for (size_t i = 0; i < again->files.size(); ++i)
    EXPECT_EQ(again->files[i].sha256, first->files[i].sha256);
}

TEST_F(Masks, LayersOfAnotherModelAreFoundPlaceByPlace) {
  const QuantizedModel a = Engraved("a.burin", 1, {.bits = 3, .group = 32});
  const QuantizedModel b = Engraved("b.burin", 2, {.bits = 3, .group = 32});
  ASSERT_TRUE(Write(a, "a") && Write(b, "b"));
  fs::copy_file(folder_ / "b" / "weights.oas", folder_ / "a" / "weights.oas",
                fs::copy_options::overwrite_existing);
  const ReadBack weights = Read("a", &a);
  EXPECT_FALSE(weights.digest);
  ASSERT_FALSE(weights.problems.empty());
  EXPECT_THAT(weights.problems[0],
              testing::MatchesRegex(
                  "bank 0, row [0-9]+, column [0-9]+ \\(model.embed_tokens, input [0-9]+, output "
                  "[0-9]+\\): code [0-7], the cartridge has [0-7]"));
  // As many as there are different codes.
  int64_t different = 0;
  const auto from = MatricesIn(a), to = MatricesIn(b);
  for (size_t m = 0; m < from.size(); ++m) {
    for (int64_t r = 0; r < from[m]->shape.rows; ++r) {
      for (int64_t c = 0; c < from[m]->shape.cols; ++c)
        different += GetCode(*from[m], r, c) != GetCode(*to[m], r, c);
    }
  }
  EXPECT_EQ(weights.problem_count, different);
  const auto diff = DiffMasks(*Place(PlanOf(a, "a"), die_.chip()),
                              *Place(PlanOf(b, "b"), die_.chip()), die_, 4, nullptr);
  ASSERT_TRUE(diff);
  EXPECT_EQ(diff->weight_vias_changed(), different);
  EXPECT_GT(diff->constant_vias_changed(), 0);
  EXPECT_EQ(diff->other_removed, 0);

  fs::copy_file(folder_ / "b" / "constants.oas", folder_ / "b" / "x.oas");
  ASSERT_TRUE(Write(a, "c"));
  fs::copy_file(folder_ / "b" / "x.oas", folder_ / "c" / "constants.oas",
                fs::copy_options::overwrite_existing);
  const ReadBack constants = Read("c", &a);
  EXPECT_FALSE(constants.digest);
  EXPECT_THAT(constants.problems, testing::Contains(HasSubstr("the cartridge has 0x")));
}

TEST_F(Masks, SeveralDiesReadBack) {
  ChipSpec chip = SmallChip();
  chip.banks = 20;
  chip.dies = 4;
  const QuantizedModel model = Engraved("a.burin", 7, {.bits = 3, .group = 32});
  const auto fabric = Place(PlanOf(model, "m"), chip);
  ASSERT_TRUE(fabric) << fabric.error().ToString();
  ASSERT_GT(fabric->dies, 1);
  const Die die = Die::Create(chip, Rules::Load("sky130").value()).value();
  std::string text = kChipText;
  text.replace(text.find("banks = 60"), 10, "banks = 20");
  text.replace(text.find("dies = 1"), 8, "dies = 4");
  auto out = OutputFolder::Create(folder_ / "m", kManifestName, false);
  ASSERT_TRUE(out);
  const auto made = WriteMasks(*fabric, die, {"test", text, ReadData("rules", "sky130")->text},
                               *out, pool_, nullptr);
  ASSERT_TRUE(made) << made.error().ToString();
  EXPECT_EQ(made->files.size(), static_cast<size_t>(1 + 2 * fabric->dies));
  const ReadBack read = Read("m", &model);
  EXPECT_THAT(read.problems, testing::IsEmpty());
  ASSERT_TRUE(read.digest);
  EXPECT_EQ(*read.digest, model.digest);
}

TEST_F(Masks, RefusesWhatIsNotTheirs) {
  const QuantizedModel a = Engraved("a.burin", 1, {.bits = 3, .group = 32});
  const QuantizedModel b = Engraved("b.burin", 2, {.bits = 3, .group = 32});
  ASSERT_TRUE(Write(a, "a"));
  auto error_of = [](const auto& result) {
    return result ? std::string("no error") : result.error().ToString();
  };
  EXPECT_THAT(error_of(ReadMasks(folder_ / "a", &b, pool_, nullptr)),
              HasSubstr("those of the cartridge"));
  EXPECT_THAT(error_of(Write(b, "a")), HasSubstr("a folder that is not empty"));
  EXPECT_TRUE(fs::exists(folder_ / "a" / "masks.toml"));
  EXPECT_THAT(error_of(ReadMasks(folder_ / "nothing", &a, pool_, nullptr)),
              HasSubstr("has no masks.toml"));
  fs::resize_file(folder_ / "a" / "weights.oas",
                  fs::file_size(folder_ / "a" / "weights.oas") - 300);
  EXPECT_THAT(error_of(ReadMasks(folder_ / "a", &a, pool_, nullptr)),
              HasSubstr("weights.oas: byte"));
  std::string base = ReadTextFile(folder_ / "a" / "base.oas").value();
  base[base.size() / 2] ^= 1;
  ASSERT_TRUE(WriteFileAtomically(folder_ / "a" / "base.oas", base));
  EXPECT_THAT(error_of(ReadMasks(folder_ / "a", &a, pool_, nullptr)),
              HasSubstr("the base of this chip"));
  ChipSpec small = SmallChip();
  small.table_bytes = 1024;
  EXPECT_THAT(error_of(TableRomOf(*Place(PlanOf(a, "a"), small))),
              HasSubstr("at most the 1024 of the chip"));
  small.banks = 0;
  EXPECT_THAT(error_of(Die::Create(small, Rules::Load("sky130").value())), HasSubstr("banks = 0"));
}

TEST(TableRom, DecodesWhatItEncodes) {
  TableRom rom;
  rom.tokenizer_bytes = 12345;
  rom.tokenizer_digest[3] = 7;
  rom.program = MakeProgram(SmallConfig());
  rom.tables = {1, 2, 3};
  rom.metadata = "{}";
  std::vector<uint8_t> bytes = EncodeTableRom(rom);
  bytes.resize(bytes.size() + 50);  // zeros behind it
  const auto back = DecodeTableRom(bytes, "x");
  ASSERT_TRUE(back) << back.error().ToString();
  EXPECT_EQ(back->tokenizer_bytes, rom.tokenizer_bytes);
  EXPECT_EQ(back->tables, rom.tables);
  EXPECT_EQ(back->metadata, rom.metadata);
  EXPECT_EQ(EncodeTableRom(*back), EncodeTableRom(rom));
  for (size_t i = 0; i + 50 < bytes.size(); ++i) {
    std::vector<uint8_t> bad = bytes;
    bad[i] ^= 4;
    EXPECT_FALSE(DecodeTableRom(bad, "x")) << i;
    EXPECT_FALSE(DecodeTableRom(std::span(bytes).first(i), "x")) << i;
  }
}

TEST(EnergyByRank, FindsTheRankOfASum) {
  // Three orthogonal parts of energies 9, 4 and 1.
  constexpr int64_t kRows = 40, kCols = 30;
  std::vector<float> values(kRows * kCols);
  for (int64_t part = 0; part < 3; ++part) {
    for (int64_t c = 0; c < kCols; ++c) {
      const float sign = (c >> part) % 2 == 0 ? 1.0f : -1.0f;
      values[static_cast<size_t>(part * kCols + c)] = static_cast<float>(3 - part) * sign;
    }
  }
  const auto energy = EnergyByRank(values, kRows, kCols, 5);
  ASSERT_EQ(energy.size(), 5u);
  EXPECT_TRUE(std::is_sorted(energy.begin(), energy.end()));
  EXPECT_GT(energy[0], 9.0 / 14 - 1e-5);
  EXPECT_LT(energy[0], 1);
  EXPECT_NEAR(energy[2], 1, 1e-5);
  EXPECT_EQ(EnergyByRank(std::vector<float>(12), 3, 4, 2), (std::vector<double>{1, 1}));
}

// Cells of a codebook by hand: from half way to the level below to half way to the one above.
TEST(RoundingError, IsTheMeanSquareOverACell) {
  PackedMatrix matrix;
  matrix.shape = {32, 16, 3, 32};
  matrix.codebook = {-10, -6, -4, -1, 1, 4, 6, 10};
  matrix.exponent = -3;  // a unit of 16 * 2^-3 = 2
  std::vector<uint8_t> codes(matrix.shape.CodeBytes()), scales(matrix.shape.ScaleBytes(), 0xF0);
  for (uint32_t code = 0; code < 8; ++code) SetCode(matrix.shape, codes, code, 3, code);
  matrix.codes = codes;
  matrix.scales = scales;
  EXPECT_EQ(WeightValue(matrix, 0, 3), -20);
  const RoundingError error(matrix);
  EXPECT_DOUBLE_EQ(error.At(0, 3), 4 * (2.0 * 2 * 2 + 2 * 2 * 2) / (3 * 4));  // both sides 2 wide
  EXPECT_DOUBLE_EQ(error.At(1, 3), 4 * (2.0 * 2 * 2 + 1) / (3 * 3));
  EXPECT_DOUBLE_EQ(error.At(3, 3), 4 * (1.5 * 1.5 * 1.5 + 1) / (3 * 2.5));
  EXPECT_DOUBLE_EQ(error.At(4, 3), error.At(3, 3));
}

TEST(MaskDiff, WhatALoraLeavesIsComparedWithRounding) {
  MaskDiff diff;
  diff.tensors.resize(3);
  diff.tensors[0] = {"a", 0, 0, 0, 0, 0, 10, 0, 3, {0.5, 0.9}};
  diff.tensors[1] = {"b", 0, 0, 0, 0, 0, 30, 0, 1, {0.5, 0.7}};
  const LowRankShare share = diff.LowRank();  // the third has no energies
  EXPECT_DOUBLE_EQ(share.held, (10 * 0.9 + 30 * 0.7) / 40);
  EXPECT_DOUBLE_EQ(share.left_over_rounding, (1 + 9) / 4.0);
  EXPECT_EQ(MaskDiff{}.LowRank().held, 1);
  EXPECT_EQ(MaskDiff{}.LowRank().left_over_rounding, 0);
}

}  // namespace
}  // namespace burin::mask
