// Row drivers, banks, adder tree and embedding readers against MultiplyTiles and ReadColumn: random
// matrices of 3, 4 and 6 bits and the corners of codes, scales and mantissas; and the cycle in
// which a pass has ended.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "Vfabric_bench.h"
#include "bench.h"
#include "numeric/fixed.h"
#include "numeric/matrix_pass.h"

namespace burin::hw {
namespace {

// Parameters of fabric_bench.sv.
constexpr int kRows = 64, kGroup = 32, kColumns = 32, kLevels = 16, kLanes = 8, kScalers = 2,
              kRowBlocks = 3;
constexpr int kCodeBits = 4, kSteps = kColumns / kScalers;

struct Case {
  int bits;
  int64_t rows, cols;
  bool corner;  // largest codes, scales and mantissas
};

struct OwnedMatrix {
  std::vector<uint8_t> codes, scales;
  PackedMatrix matrix;
};

OwnedMatrix MakeMatrix(const Case& c, uint64_t seed) {
  OwnedMatrix m;
  m.matrix.shape = {.rows = c.rows, .cols = c.cols, .bits = c.bits, .group = kGroup};
  m.codes.resize(m.matrix.shape.CodeBytes());
  m.scales.resize(m.matrix.shape.ScaleBytes());
  const int limit = c.bits == 4 ? 63 : 31, entries = c.bits == 4 ? 16 : 8;
  for (int i = 0; i < entries; ++i) {
    const auto random = static_cast<int>(Philox(seed, 7, static_cast<uint64_t>(i))[0]);
    m.matrix.codebook[static_cast<size_t>(i)] =
        static_cast<int8_t>(c.bits == 6 ? 2 * i - 7
                            : c.corner  ? (i == 0 ? -limit : limit)
                                        : random % (limit + 1));
  }
  m.matrix.exponent = static_cast<int>(seed % 9) - 12;
  for (int64_t r = 0; r < c.rows; ++r) {
    for (int64_t n = 0; n < c.cols; ++n) {
      const uint32_t random = Philox(seed, static_cast<uint64_t>(r), static_cast<uint64_t>(n))[0];
      const uint32_t code = c.corner ? (c.bits == 6 ? 63
                                        : n % 2     ? 1
                                                    : 0)
                                     : random & ((1u << c.bits) - 1);
      SetCode(m.matrix.shape, m.codes, r, n, code);
    }
  }
  for (int64_t g = 0; g < m.matrix.shape.groups(); ++g) {
    for (int64_t n = 0; n < c.cols; ++n) {
      const uint32_t random =
          Philox(seed, static_cast<uint64_t>(g) + 1000, static_cast<uint64_t>(n))[0];
      m.scales[static_cast<size_t>(ScaleIndex(m.matrix.shape, g, n))] =
          static_cast<uint8_t>(c.corner ? 255 : random);
    }
  }
  m.matrix.codes = m.codes;
  m.matrix.scales = m.scales;
  return m;
}

BlockFloatBatch MakeInput(const Case& c, uint64_t seed) {
  BlockFloatBatch x;
  x.Resize(1, c.rows, kGroup);
  for (int64_t i = 0; i < c.rows; ++i) {
    const auto random =
        static_cast<int32_t>(Philox(seed, 99, static_cast<uint64_t>(i))[0] % 255) - 127;
    x.TokenMantissas(0)[i] = static_cast<int8_t>(c.corner ? -127 : random);
  }
  for (int64_t g = 0; g < x.groups; ++g) {
    const auto random = static_cast<int32_t>(Philox(seed, 98, static_cast<uint64_t>(g))[0]);
    x.TokenExponents(0)[g] = c.corner ? -3 : (random & 7) == 0 ? -64 : random % 12;
  }
  return x;
}

class Fabric {
 public:
  Fabric() {
    top().reset = 1;
    Clock();
    Clock();
    top().reset = 0;
  }
  ~Fabric() {
    if (vectors_ != nullptr) std::fclose(vectors_);
  }
  Vfabric_bench& top() { return *model_; }

  // A cycle. With BURIN_VECTORS a file of that name gets, for the first cycles, the inputs and the
  // outputs behind the edge: fabric_replay.sv plays them to another simulator.
  void Clock() {
    if (vectors_ != nullptr) RecordInputs();
    Tick(top());
    if (vectors_ == nullptr) return;
    RecordOutputs();
    if (++recorded_ == kRecorded) {
      std::fclose(vectors_);
      vectors_ = nullptr;
    }
  }

  int HalfColumns(const PackedMatrix& m) const {
    return m.shape.bits == 6 ? kColumns / 2 : kColumns;
  }

  void Program(const PackedMatrix& m) {
    const int width = HalfColumns(m);
    top().six_bit = m.shape.bits == 6;
    for (int i = 0; i < kLevels; ++i)
      SetBits(top().codebook, 7 * i, 7, static_cast<uint8_t>(m.codebook[static_cast<size_t>(i)]));
    top().rows_real = static_cast<uint16_t>(m.shape.rows);
    top().rows_total = static_cast<uint16_t>(m.shape.groups() * kGroup);
    for (int cb = 0; cb * width < m.shape.cols; ++cb) {
      for (int rb = 0; rb < kRowBlocks; ++rb) {
        top().rom_bank = static_cast<uint16_t>(cb * kRowBlocks + rb);
        ProgramCodes(m, rb, cb, width);
        ProgramScales(m, rb, cb, width);
      }
    }
  }

  void Load(const BlockFloatBatch& x, int drop) {
    top().act_select = 5;
    for (int64_t w = 0; w < x.groups * kGroup / kLanes; ++w) {
      top().act_valid = 1;
      top().act_word = static_cast<uint16_t>(w);
      for (int l = 0; l < kLanes; ++l) {
        SetBits(top().act_data, 8 * l, 8,
                static_cast<uint8_t>(x.TokenMantissas(0)[w * kLanes + l]));
      }
      Clock();
    }
    top().act_valid = 0;
    for (int64_t g = 0; g < x.groups; ++g) {
      top().act_exp_valid = 1;
      top().act_group = static_cast<uint16_t>(g);
      top().act_exp = static_cast<uint8_t>(x.TokenExponents(0)[g]);
      Clock();
    }
    top().act_exp_valid = 0;
    top().act_commit = 1;
    top().act_common = static_cast<uint8_t>(x.CommonExponent(0));
    top().act_drop = static_cast<uint8_t>(drop);
    Clock();
    top().act_commit = 0;
  }

  // A pass and `wait` cycles; then all columns.
  std::vector<int32_t> Run(const PackedMatrix& m, int wait) {
    top().pass_rows = static_cast<uint16_t>(std::min<int64_t>(kRows, m.shape.groups() * kGroup));
    top().pass_start = 1;
    Clock();
    top().pass_start = 0;
    for (int i = 1; i < wait; ++i) Clock();
    std::vector<int32_t> columns;
    const int block_words = HalfColumns(m) / kLanes;
    const int64_t words = (m.shape.cols + kLanes - 1) / kLanes;
    for (int64_t w = 0; w < words + 8; ++w) {
      top().collect = w < words;
      top().collect_block = static_cast<uint16_t>(w / block_words);
      top().collect_word = static_cast<uint16_t>(w % block_words);
      Clock();
      if (top().raw_valid) {
        for (int l = 0; l < kLanes; ++l) columns.push_back(Lane(top().raw, l));
      } else {
        for (int l = 0; l < kLanes; ++l) EXPECT_EQ(Lane(top().raw, l), 0);
      }
    }
    columns.resize(static_cast<size_t>(m.shape.cols));
    return columns;
  }

  std::vector<int32_t> Embed(const PackedMatrix& m, int64_t column, int fraction, int* cycles) {
    const int width = HalfColumns(m);
    const int64_t rows = std::min<int64_t>(kRows, (m.shape.rows + kLanes - 1) / kLanes * kLanes);
    top().embed_block = static_cast<uint16_t>(column / width);
    top().embed_column = static_cast<uint16_t>(column % width);
    top().embed_rows = static_cast<uint16_t>(rows);
    top().embed_exponent = static_cast<uint8_t>(m.exponent + fraction - 15);
    top().embed_start = 1;
    std::vector<int32_t> values(static_cast<size_t>((m.shape.rows + kLanes - 1) / kLanes * kLanes),
                                12345);
    for (int cycle = 1; cycle < 200; ++cycle) {
      Clock();
      top().embed_start = 0;
      if (!top().embed_valid) continue;
      *cycles = cycle;
      for (int l = 0; l < kLanes; ++l)
        values.at(static_cast<size_t>(top().embed_index * kLanes + l)) = Lane(top().embed_data, l);
    }
    for (size_t i = static_cast<size_t>(m.shape.rows); i < values.size(); ++i)
      EXPECT_EQ(values[i], 0);
    values.resize(static_cast<size_t>(m.shape.rows));
    return values;
  }

 private:
  static constexpr int kRecorded = 6000;

  // One hexadecimal number a port.
  template <typename Port>
  void Record(const Port& port, char end = ' ') {
    const auto* bytes = reinterpret_cast<const uint8_t*>(&port);
    for (size_t i = sizeof(Port); i > 0; --i) std::fprintf(vectors_, "%02x", bytes[i - 1]);
    std::fputc(end, vectors_);
  }
  void RecordInputs() {
    const auto& t = top();
    const auto all = [&](const auto&... ports) { (Record(ports), ...); };
    all(t.reset, t.rom_write, t.rom_bank, t.rom_address, t.rom_word, t.scale_write, t.scale_word,
        t.codebook, t.six_bit, t.rows_total, t.rows_real, t.act_valid, t.act_select, t.act_word,
        t.act_data, t.act_exp_valid, t.act_group, t.act_exp, t.act_commit, t.act_common, t.act_drop,
        t.pass_start, t.pass_rows, t.collect, t.collect_block, t.collect_word, t.embed_start,
        t.embed_block, t.embed_column, t.embed_rows, t.embed_exponent);
  }
  void RecordOutputs() {
    const auto& t = top();
    Record(t.raw_valid);
    Record(t.raw);
    Record(t.embed_valid);
    Record(t.embed_index);
    Record(t.embed_data, '\n');
  }
  // The first fabric of the program records.
  static FILE* OpenVectors() {
    static bool first = true;
    const char* name = first ? std::getenv("BURIN_VECTORS") : nullptr;
    first = false;
    return name == nullptr ? nullptr : std::fopen(name, "w");
  }
  FILE* vectors_ = OpenVectors();
  int recorded_ = 0;

  void ProgramCodes(const PackedMatrix& m, int rb, int cb, int width) {
    top().rom_write = 1;
    for (int r = 0; r < kRows; ++r) {
      top().rom_address = static_cast<uint16_t>(r);
      for (int n = 0; n < width; ++n) {
        const int64_t row = rb * kRows + r, col = cb * width + n;
        const bool inside = row < m.shape.rows && col < m.shape.cols;
        const uint32_t code = inside ? GetCode(m, row, col) : 0;
        if (m.shape.bits == 6) {
          SetBits(top().rom_word, 2 * n * kCodeBits, kCodeBits, code / 8);
          SetBits(top().rom_word, (2 * n + 1) * kCodeBits, kCodeBits, code % 8);
        } else {
          SetBits(top().rom_word, n * kCodeBits, kCodeBits, code);
        }
      }
      Clock();
    }
    top().rom_write = 0;
  }
  void ProgramScales(const PackedMatrix& m, int rb, int cb, int width) {
    top().scale_write = 1;
    for (int g = 0; g < kRows / kGroup; ++g) {
      for (int walk = 0; walk < kSteps; ++walk) {
        top().rom_address = static_cast<uint16_t>(g * kSteps + walk);
        SetBits(top().scale_word, 0, 8 * kScalers, 0);
        const int per_step = m.shape.bits == 6 ? kScalers / 2 : kScalers;
        for (int i = 0; i < per_step; ++i) {
          const int n = walk * per_step + i;
          const int64_t group = rb * kRows / kGroup + g, col = cb * width + n;
          if (n >= width || group >= m.shape.groups() || col >= m.shape.cols) continue;
          const int byte = m.shape.bits == 6 && walk % 2 == 1 ? per_step + i : i;
          SetBits(top().scale_word, 8 * byte, 8,
                  m.scales[static_cast<size_t>(ScaleIndex(m.shape, group, col))]);
        }
        Clock();
      }
    }
    top().scale_write = 0;
  }

  std::unique_ptr<Vfabric_bench> model_ = std::make_unique<Vfabric_bench>();
};

void Compare(Fabric& fabric, const Case& c, uint64_t seed) {
  SCOPED_TRACE(testing::Message() << c.bits << " bits, " << c.rows << " x " << c.cols << ", seed "
                                  << seed);
  const OwnedMatrix m = MakeMatrix(c, seed);
  const BlockFloatBatch x = MakeInput(c, seed);
  fabric.Program(m.matrix);
  fabric.Load(x, m.matrix.shape.DropBits());
  std::vector<int32_t> expected(static_cast<size_t>(c.cols));
  for (int64_t n = 0; n < c.cols; ++n)
    expected[static_cast<size_t>(n)] = ColumnSum(m.matrix, x, 0, n);
  // docs/machine.md, hw/README.md: readable pass_rows + S + 4 cycles behind the start, not before.
  const int wait =
      static_cast<int>(std::min<int64_t>(kRows, m.matrix.shape.groups() * kGroup)) + kSteps + 4;
  ASSERT_EQ(fabric.Run(m.matrix, wait), expected);
  for (int i = 0; i < 4; ++i) {
    const int64_t column =
        static_cast<int64_t>(Philox(seed, 5, static_cast<uint64_t>(i))[0] % c.cols);
    std::vector<int32_t> embedding(static_cast<size_t>(c.rows));
    ReadColumn(m.matrix, column, 20, embedding);
    int cycles = 0;
    ASSERT_EQ(fabric.Embed(m.matrix, column, 20, &cycles), embedding);
    const int64_t rows = std::min<int64_t>(kRows, (c.rows + kLanes - 1) / kLanes * kLanes);
    const int64_t row_blocks = (c.rows + kRows - 1) / kRows;
    EXPECT_LE(cycles, rows + row_blocks + 5);
    if (c.rows % kRows == 0) EXPECT_EQ(cycles, rows + row_blocks + 5);
  }
}

TEST(FabricTest, EqualsTheMatrixPassAndTheEmbeddingColumn) {
  Fabric fabric;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    for (const int bits : {3, 4, 6}) {
      const auto rows = static_cast<int64_t>(1 + Philox(seed, 1, 0)[0] % (kRows * kRowBlocks));
      const auto cols = static_cast<int64_t>(1 + Philox(seed, 2, 0)[0] % (bits == 6 ? 32 : 64));
      Compare(fabric, {bits, rows, cols, false}, seed * 10 + static_cast<uint64_t>(bits));
    }
  }
  for (const int bits : {3, 4, 6}) {
    Compare(fabric, {bits, 192, bits == 6 ? 32 : 64, false}, 77);
    Compare(fabric, {bits, 192, bits == 6 ? 32 : 64, true}, 78);
    Compare(fabric, {bits, 32, 3, true}, 79);
  }
}

TEST(FabricTest, PassEndsInTheStatedCycle) {
  Fabric fabric;
  const Case c{4, 64, 64, false};
  const OwnedMatrix m = MakeMatrix(c, 3);
  const BlockFloatBatch x = MakeInput(c, 3);
  fabric.Program(m.matrix);
  fabric.Load(x, 0);
  std::vector<int32_t> expected;
  for (int64_t n = 0; n < c.cols; ++n) expected.push_back(ColumnSum(m.matrix, x, 0, n));
  const int wait = kRows + kSteps + 4;
  EXPECT_EQ(fabric.Run(m.matrix, wait), expected);
  // The last word is read collect_words - 1 cycles after the first, so the pass may be that much
  // shorter, but one more.
  const int last = static_cast<int>(c.cols) / kLanes - 1;
  EXPECT_NE(fabric.Run(m.matrix, wait - last - 1), expected);
}

}  // namespace
}  // namespace burin::hw
