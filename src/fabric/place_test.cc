#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <list>

#include "base/philox.h"
#include "fabric/dump.h"
#include "fabric/nearest_chip.h"
#include "fabric/placed_fabric.h"
#include "model/import.h"
#include "model/lora.h"
#include "model/presets.h"
#include "quant/cartridge.h"
#include "quant/engrave.h"
#include "quant/test_models.h"

namespace burin {
namespace {

using testing::HasSubstr;

// A chip on which everything fits.
ChipSpec RoomyChip() {
  ChipSpec chip = LoadChip("nano").value();
  chip.banks = 0;
  chip.kv_bytes = int64_t{1} << 40;
  return chip;
}

ModelPlan PresetPlan(const std::string& name, int bits = 3) {
  return PlanOf(FindPreset(name).value(), name, bits, "", 0, 0).value();
}

TEST(Place, CutsAMatrixAsTheDocumentSays) {
  ModelConfig config = SmallConfig();  // hidden 48, ffn 72
  ChipSpec chip = RoomyChip();
  chip.rows = 32;
  chip.columns = 16;
  const auto plan = PlanOf(config, "small", 3, "*.down_proj=6", 32, 0);
  ASSERT_TRUE(plan);
  const auto fabric = Place(*plan, chip);
  ASSERT_TRUE(fabric) << fabric.error().ToString();
  const PlacedMatrix& down = fabric->matrices[7];  // 72 inputs, 48 outputs: 96 physical columns
  EXPECT_EQ(down.row_blocks, 3);
  EXPECT_EQ(down.column_blocks, 6);
  EXPECT_EQ(down.physical_columns, 96);
  const PlacedBlock& block = fabric->blocks[static_cast<size_t>(down.first_block + 3 * 1 + 2)];
  EXPECT_EQ(block.column_block, 1);
  EXPECT_EQ(block.row_block, 2);
  EXPECT_EQ(block.row_begin, 64);
  EXPECT_EQ(block.row_end, 72);
  EXPECT_EQ(block.column_begin, 16);
  EXPECT_EQ(block.column_end, 32);
  EXPECT_TRUE(VerifyPlacement(*fabric));
}

TEST(Place, RandomModelsOnRandomChipsVerify) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    auto random = [seed, n = 0u](int64_t most) mutable {
      return static_cast<int64_t>(Philox(seed, 1, n++)[0] % static_cast<uint32_t>(most));
    };
    ModelConfig c = SmallConfig();
    c.layers = 1 + random(5);
    c.kv_heads = 1 + random(3);
    c.heads = c.kv_heads * (1 + random(3));
    c.head_dim = 2 * (1 + random(20));
    c.hidden = 8 * (1 + random(30));
    c.ffn = 8 * (1 + random(60));
    c.vocab = 10 + random(600);
    c.tied_head = random(2) == 0;
    c.qk_norm = random(2) == 0;
    ChipSpec chip = RoomyChip();
    chip.rows = 32 << random(3);
    chip.columns = 16 << random(3);
    chip.vector_lanes = 16;
    chip.fold = 1 + random(5);
    chip.layer_engines = 1 + random(4);
    const auto plan = PlanOf(c, "random", 3 + static_cast<int>(random(2)), "*.v_proj=6", 32, 0);
    ASSERT_TRUE(plan) << plan.error().ToString();
    const auto alone = Place(*plan, chip);
    ASSERT_TRUE(alone) << alone.error().ToString();
    const Status verified = VerifyPlacement(*alone);
    ASSERT_TRUE(verified) << seed << ": " << verified.error().ToString();
    // The same on as many dies as banks of that number call for.
    chip.banks = std::max<int64_t>(1, alone->banks / (1 + random(4)));
    chip.dies = 12;
    const auto cut = Place(*plan, chip);
    if (!cut) continue;  // a step may be larger than a die
    const Status cut_verified = VerifyPlacement(*cut);
    ASSERT_TRUE(cut_verified) << seed << ": " << cut_verified.error().ToString();
    EXPECT_GE(cut->dies * chip.banks, cut->banks);
  }
}

TEST(Place, NoFewerDiesWouldDo) {
  ChipSpec chip = RoomyChip();
  chip.rows = chip.columns = 256;
  chip.banks = 40000;
  chip.dies = 64;
  const auto fabric = Place(PresetPlan("llama-3.1-8b"), chip);
  ASSERT_TRUE(fabric) << fabric.error().ToString();
  EXPECT_GE(fabric->dies, (fabric->banks + chip.banks - 1) / chip.banks);
  chip.dies = fabric->dies - 1;
  const auto fewer = Place(PresetPlan("llama-3.1-8b"), chip);
  ASSERT_FALSE(fewer);
  EXPECT_THAT(fewer.error().ToString(),
              HasSubstr(fmt::format("On {} dies it would fit", fabric->dies)));
}

TEST(VerifyPlacement, FindsWhatIsPlantedWrong) {
  ChipSpec chip = RoomyChip();
  chip.rows = 32;
  chip.columns = 16;
  chip.fold = 2;
  const auto plan = PlanOf(SmallConfig(), "small", 3, "", 32, 0);
  const auto good = Place(*plan, chip);
  ASSERT_TRUE(good);
  ASSERT_TRUE(VerifyPlacement(*good));
  auto error_of = [&](auto spoil) {
    PlacedFabric bad = *good;
    spoil(bad);
    const Status status = VerifyPlacement(bad);
    return status ? "no error" : status.error().ToString();
  };
  EXPECT_THAT(error_of([](auto& f) {
                f.blocks[3].bank = f.blocks[2].bank, f.blocks[3].page = f.blocks[2].page;
              }),
              HasSubstr("a place of its own"));
  EXPECT_THAT(error_of([](auto& f) { f.blocks[3].page = 2; }), HasSubstr("a page below 2"));
  EXPECT_THAT(error_of([](auto& f) { f.blocks.pop_back(); }), HasSubstr("cells placed"));
  EXPECT_THAT(error_of([](auto& f) { f.blocks[1].row_begin = 0, f.blocks[1].row_end = 32; }),
              HasSubstr("overlaps"));
  EXPECT_THAT(error_of([](auto& f) { f.blocks[1].row_end = 49; }), HasSubstr("fits a bank"));
  EXPECT_THAT(error_of([](auto& f) {
                // Swap the page of a block of q with one of k in another bank: same banks, one
                // step.
                auto& q = f.blocks[static_cast<size_t>(f.matrices[1].first_block)];
                auto& k = f.blocks[static_cast<size_t>(f.matrices[2].first_block)];
                q.bank = k.bank;
                q.page = 1 - k.page;
                for (auto& b : f.blocks) {
                  if (&b != &q && b.bank == q.bank && b.page == q.page)
                    b.bank = static_cast<int32_t>(f.banks++), f.bank_die.push_back(0);
                }
              }),
              HasSubstr("works in the same step"));
}

TEST(Place, SaysWhatDoesNotFitAndWhatWould) {
  ChipSpec nano = LoadChip("nano").value();
  auto error_of = [](const ModelPlan& plan, const ChipSpec& chip) {
    const auto fabric = Place(plan, chip);
    return fabric ? "no error" : fabric.error().ToString();
  };
  EXPECT_THAT(error_of(PresetPlan("smollm2-135m"), nano), HasSubstr("need"));
  ModelPlan plan = PlanOf(SmallConfig(), "small", 4, "", 128, 0).value();
  plan.needed_context = plan.context;
  EXPECT_EQ(error_of(plan, nano), "no error");
  ChipSpec chip = nano;
  chip.rows = 64;
  chip.vector_lanes = 16;
  EXPECT_THAT(error_of(plan, chip),
              HasSubstr("rows: 64; expected a multiple of the model's group of 128"));
  chip = nano;
  chip.levels = 8;
  EXPECT_THAT(error_of(plan, chip), HasSubstr("expected 16, since model.embed_tokens has 4 bits"));
  chip = nano;
  chip.kv_bytes = 9 * KvBytesPerPosition(plan.config, plan.config.layers);
  EXPECT_THAT(error_of(plan, chip), HasSubstr("It holds 9 positions"));
  plan.needed_context = 9;
  EXPECT_EQ(error_of(plan, chip), "no error");
  chip = nano;
  chip.rows = 0;
  EXPECT_THAT(error_of(plan, chip), HasSubstr("rows: 0; expected 32 to 65536"));
}

// The blocks, put back together, are the cartridge's codes, byte for byte.
void ExpectCodesComeBack(const QuantizedModel& model, const PlacedFabric& fabric) {
  const auto matrices = MatricesIn(model);
  std::vector<std::vector<uint8_t>> codes;
  for (const PackedMatrix* m : matrices) codes.emplace_back(m->shape.CodeBytes());
  std::vector<uint8_t> block_codes(static_cast<size_t>(fabric.chip.rows * fabric.chip.columns));
  for (const PlacedBlock& block : fabric.blocks) {
    BlockCodes(fabric, block, block_codes);
    const MatrixShape& shape = matrices[static_cast<size_t>(block.matrix)]->shape;
    std::vector<uint8_t>& out = codes[static_cast<size_t>(block.matrix)];
    for (int64_t r = 0; r < fabric.chip.rows; ++r) {
      for (int64_t c = 0; c < fabric.chip.columns; ++c) {
        const uint32_t code = CellCode(fabric, block, r, c);
        ASSERT_EQ(code, block_codes[static_cast<size_t>(r * fabric.chip.columns + c)]);
        const int64_t row = block.row_begin + r, column = block.column_begin + c;
        if (row >= block.row_end || column >= block.column_end) {
          ASSERT_EQ(code, 0u);
        } else if (shape.bits != 6) {
          SetCode(shape, out, row, column, code);
        } else if (column % 2 == 0) {
          SetCode(shape, out, row, column / 2, code << 3 | CellCode(fabric, block, r, c + 1));
        }
      }
    }
  }
  for (size_t m = 0; m < matrices.size(); ++m) {
    EXPECT_TRUE(std::equal(codes[m].begin(), codes[m].end(), matrices[m]->codes.begin(),
                           matrices[m]->codes.end()))
        << m;
  }
}

TEST(CellCode, BlocksPutTogetherAreTheCartridge) {
  TestFolder folder;
  ThreadPool pool(2);
  ModelConfig qwen = SmallConfig();
  qwen.architecture = "qwen3";
  qwen.qk_norm = true;
  for (const int64_t fold : {1, 3}) {
    ASSERT_TRUE(
        EngraveSynthetic(qwen, {.bits = 4, .tensor_bits = "*.down_proj=6,*.k_proj=3", .group = 32},
                         5, folder / "s.burin", pool));
    const auto model = OpenCartridge(folder / "s.burin");
    ASSERT_TRUE(model);
    ChipSpec chip = RoomyChip();
    chip.rows = 32;
    chip.fold = fold;
    const auto fabric = Place(PlanOf(*model, "s"), chip);
    ASSERT_TRUE(fabric) << fabric.error().ToString();
    ExpectCodesComeBack(*model, *fabric);
  }
}

// A model, engraved and placed.
void ExpectModelComesBack(const Model& source, const EngraveOptions& options,
                          const ChipSpec& chip) {
  TestFolder folder;
  ThreadPool pool(2);
  const auto made = Engrave(source, options, folder / "m.burin", pool);
  ASSERT_TRUE(made) << made.error().ToString();
  const auto model = OpenCartridge(folder / "m.burin");
  ASSERT_TRUE(model);
  const auto fabric = Place(PlanOf(*model, "m"), chip);
  ASSERT_TRUE(fabric) << fabric.error().ToString();
  ASSERT_TRUE(VerifyPlacement(*fabric));
  ExpectCodesComeBack(*model, *fabric);
}

void ExpectCheckpointComesBack(const std::string& path, const EngraveOptions& options,
                               const ChipSpec& chip) {
  const auto source = ImportModel(path);
  ASSERT_TRUE(source) << source.error().ToString();
  ExpectModelComesBack(*source, options, chip);
}

// base + scale * B A of every matrix that the adapter adds to, in new storage.
class MergedModel {
 public:
  MergedModel(Model base, const LoraAdapter& adapter) : model_(std::move(base)) {
    for (size_t l = 0; l < model_.layers.size(); ++l) {
      LayerTensors& t = model_.layers[l];
      for (TensorView* view : {&t.q, &t.k, &t.v, &t.o, &t.gate, &t.up, &t.down}) {
        const auto kind = static_cast<size_t>(merged_++ % 7);
        const LoraMatrix& add = adapter.layers[l][kind];
        if (!add.empty()) Merge(*view, add);
      }
    }
  }
  const Model& model() const { return model_; }
  size_t changed() const { return storage_.size(); }

 private:
  void Merge(TensorView& view, const LoraMatrix& add) {
    const auto rows = static_cast<size_t>(view.rows()), cols = static_cast<size_t>(view.cols());
    std::vector<float>& sum = storage_.emplace_back(rows * cols);
    std::vector<float> a(cols), b(static_cast<size_t>(add.rank));
    for (size_t r = 0; r < rows; ++r) {
      const std::span<float> row(sum.data() + r * cols, cols);
      view.ReadRow(static_cast<int64_t>(r), row);
      add.b.ReadRow(static_cast<int64_t>(r), b);
      for (size_t k = 0; k < b.size(); ++k) {
        add.a.ReadRow(static_cast<int64_t>(k), a);
        for (size_t c = 0; c < cols; ++c) row[c] += static_cast<float>(add.scale) * b[k] * a[c];
      }
    }
    view = TensorView(view.name(), TensorType::kF32, view.rows(), view.cols(),
                      std::as_bytes(std::span<const float>(sum)));
  }

  Model model_;
  std::list<std::vector<float>> storage_;
  int merged_ = 0;
};

// A fine-tune: the bundled model with a trained adapter merged into it, at 6 bits.
TEST(CellCode, TheFineTunedModelComesBack) {
  const std::string path = std::string(BURIN_SOURCE_DIR) + "/models/hearth";
  auto base = ImportModel(path);
  ASSERT_TRUE(base) << base.error().ToString();
  const auto adapter = ReadAdapter(path + "/adapters/orders", base->config);
  ASSERT_TRUE(adapter) << adapter.error().ToString();
  const MergedModel merged(std::move(*base), *adapter);
  EXPECT_GT(merged.changed(), 0u);
  ExpectModelComesBack(merged.model(), {.bits = 6, .tensor_bits = "*.gate_proj=4,*.q_proj=3"},
                       LoadChip("nano").value());
}

// Any other: BURIN_CHECKPOINT=FOLDER_OR_GGUF fabric_test --gtest_filter='*OneOfYourOwn*'.
TEST(CellCode, OneOfYourOwnComesBack) {
  const char* path = std::getenv("BURIN_CHECKPOINT");
  if (path == nullptr) GTEST_SKIP() << "skipped: no BURIN_CHECKPOINT";
  ChipSpec chip = LoadChip("hc1").value();
  chip.smallest_group = 32;
  ExpectCheckpointComesBack(path, {.bits = 3, .tensor_bits = "*.down_proj=6", .group = 64}, chip);
}

TEST(CellCode, TheBundledModelComesBack) {
  const std::string path = std::string(BURIN_SOURCE_DIR) + "/models/hearth";
  ExpectCheckpointComesBack(path, {.bits = 4, .tensor_bits = "*.down_proj=6,*.o_proj=3"},
                            LoadChip("nano").value());
}

TEST(CellCode, Stories260KComesBack) {
  const std::string path = std::string(BURIN_SOURCE_DIR) + "/../shared/data/stories260K/hf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "skipped: no ../shared";
  ExpectCheckpointComesBack(path, {.bits = 3, .tensor_bits = "*.v_proj=6", .group = 64},
                            LoadChip("nano").value());
}

std::string Dump(const PlacedFabric& fabric) {
  std::string text;
  EXPECT_TRUE(DumpPlacement(fabric, [&](std::string_view piece) -> Status {
    text += piece;
    return {};
  }));
  return text;
}

// Pins the order of blocks and the form of the text; that they are right is what the tests above
// show.
TEST(DumpPlacement, Golden) {
  ModelConfig config = SmallConfig();
  config.layers = 1;
  ChipSpec chip = RoomyChip();
  chip.rows = 32;
  chip.fold = 2;
  const auto fabric = Place(PlanOf(config, "small", 3, "*.v_proj=6", 32, 0).value(), chip);
  ASSERT_TRUE(fabric);
  const std::string text = Dump(*fabric);
  EXPECT_EQ(text, Dump(*Place(fabric->plan, chip)));
  EXPECT_THAT(text, testing::StartsWith(
                        "placement 1\nmodel small\nchip nano rows 32 columns 64 fold 2 levels 16\n"
                        "dies 1 banks 12 engines 1 context 100\n"
                        "matrix 0 model.embed_tokens rows 48 cols 40 bits 3 blocks 2 x 1 die 0 "
                        "engine 0 wire 0\n"));
  EXPECT_THAT(text, HasSubstr("step 3 PASS layer 0 values 48 model.layers.0.self_attn.q_proj "
                              "model.layers.0.self_attn.k_proj model.layers.0.self_attn.v_proj\n"));
  EXPECT_THAT(text, HasSubstr("block 7 1 0 bank 7 page 1 rows 32 64 columns 0 48\n"));
}

TEST(Place, LargeModelIsQuick) {
  const std::clock_t start = std::clock();  // of the processor: other programs do not count
  const auto fabric = Place(PresetPlan("llama-3.1-8b"), LoadChip("hc1").value());
  ASSERT_TRUE(fabric) << fabric.error().ToString();
  ASSERT_TRUE(VerifyPlacement(*fabric));
  [[maybe_unused]] const double seconds =
      static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  EXPECT_EQ(fabric->banks, 15316);  // 8.03 G cells, 65,536 a page, 8 pages a bank
#ifdef NDEBUG
  EXPECT_LT(seconds, 1.0);
#endif
}

TEST(ChipsThatHold, NamesTheSmallestFirst) {
  std::vector<std::string> names;
  for (const ChipFit& fit : ChipsThatHold(PresetPlan("llama-3.2-1b"))) names.push_back(fit.chip);
  EXPECT_THAT(names, testing::ElementsAre("edge", "hc1", "hc2"));
  const Error error = WithNearestChips({ErrorKind::kBadInput, "x", "y", "z", "Limit."},
                                       PresetPlan("llama-20b-synthetic", 4));
  EXPECT_EQ(error.advice, "Limit. Chips that hold it: hc2 (2 dies).");
}

// Wires: all banks on the die, none upon another, and the reach no longer than the die's two sides.
TEST(Floorplan, ItemsLieOnTheDieAndDoNotOverlap) {
  FloorplanSizes sizes;
  sizes.in_mm = true;
  sizes.bank_width = 0.05;
  sizes.bank_height = 0.09;
  sizes.kv_mm2_per_byte = 1e-7;
  sizes.adapter_mm2_per_byte = 1e-7;
  ChipSpec chip = LoadChip("hc1").value();
  chip.banks = 9000;
  chip.dies = 40;
  const auto fabric = Place(PresetPlan("llama-3.1-8b"), chip, sizes);
  ASSERT_TRUE(fabric) << fabric.error().ToString();
  std::vector<const FloorplanItem*> items;
  for (const FloorplanItem& item : fabric->floorplan) {
    if (item.die == 0) items.push_back(&item);
    EXPECT_GE(item.x, 0);
    EXPECT_GE(item.y, 0);
    EXPECT_LE(item.x + item.width, fabric->die_width + 1e-9);
    EXPECT_LE(item.y + item.height, fabric->die_height + 1e-9);
  }
  std::sort(items.begin(), items.end(), [](auto* a, auto* b) { return a->x < b->x; });
  for (size_t i = 0; i < items.size(); ++i) {
    for (size_t j = i + 1; j < items.size() && items[j]->x < items[i]->x + items[i]->width - 1e-9;
         ++j) {
      const bool apart = items[j]->y >= items[i]->y + items[i]->height - 1e-9 ||
                         items[i]->y >= items[j]->y + items[j]->height - 1e-9;
      ASSERT_TRUE(apart) << items[i]->index << " " << items[j]->index;
    }
  }
  for (const PlacedMatrix& m : fabric->matrices) {
    EXPECT_GT(m.reach_mm, 0);
    EXPECT_LT(m.reach_mm, fabric->die_width + fabric->die_height);
    EXPECT_EQ(m.wire_stages, static_cast<int32_t>(m.reach_mm / 5.3));
  }
}

}  // namespace
}  // namespace burin
