// Cycles of every unit of the machine (docs/machine.md), each as one closed formula and nowhere
// else. Schedule, report and tests call these functions; a header in hw/ quotes its own, and the
// RTL is measured against them step by step and they are equal (docs/rtl.md). The cycles of a unit
// run from the one in which the sequencer raises its start to the one of its last result, both
// included.
//
// Letters: n values of the step's vector, W vector lanes, R rows of a page, G rows of a group,
// S columns of a scaler, A heads at once, P positions a cycle.
// docs/calibration.md holds numbers that follow from these: after a change run
// BURIN_UPDATE_GOLDEN=1 build/release/cost_test and read the difference.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace burin::units {

constexpr int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
// Levels of a binary tree over n leaves: ceil(log2(n)), 0 for one leaf.
constexpr int64_t TreeLevels(int64_t n) {
  return n <= 1 ? 0 : std::bit_width(static_cast<uint64_t>(n - 1));
}

// ---- depths of pipelines, in cycles

// Sequencer: fetch of the program word, decode; then the unit's start. Before every step, for a
// step that is skipped, and for the word that ends the token.
inline constexpr int64_t kIssue = 2;
// Word line to accumulator: product, accumulator.
inline constexpr int64_t kBankPipe = 2;
// Drain register to column sum: scaled, shifted and added.
inline constexpr int64_t kScalerPipe = 2;
// Column sum to vector memory: strobe, sums out of the bank; behind the tree exponent, adapter,
// bias and residual, write (hw/burin_output_stage.sv).
inline constexpr int64_t kCollectPipe = 7;
// Column sum to the list of the largest: as above up to the fixed point, then a lane a cycle.
inline constexpr int64_t kLogitPipe = 5;
// Word line of the embedding to the vector memory: ROM word, level, times scale mantissa, scaled,
// shift register, write (hw/burin_embed_reader.sv).
inline constexpr int64_t kEmbedPipe = 8;
// Rotary angles: ROM words, coarse times fine turn (hw/burin_rotary.sv).
inline constexpr int64_t kAnglePipe = 3;
// Norm: between the walks, root and factor, scaling (hw/burin_norm.sv).
inline constexpr int64_t kNormPipe = 16;
inline constexpr int64_t kGainPipe = 2;
// The same over all heads, with the write.
inline constexpr int64_t kHeadNormPipe = 19;
// Read of a word, block-floating quantizer, write (hw/burin_block_quantizer.sv).
inline constexpr int64_t kQuantizePipe = 5;
// Rotation (hw/burin_rotary.sv).
inline constexpr int64_t kRotatePipe = 4;
// SwiGLU in front of the quantizer (hw/burin_swiglu.sv).
inline constexpr int64_t kSwiGluPipe = 6;
// Attention of a round: query, maximum known, total known, Reciprocal; behind the last round the
// write (hw/burin_attention.sv).
inline constexpr int64_t kAttendPipe = 15;
inline constexpr int64_t kAttendTail = 4;
// Adapter engine (hw/burin_adapter.sv): a matrix's first word to its rank vector, a turn of sums to
// int8, the end of the step; B t and the output stage behind it.
inline constexpr int64_t kAdaptDownPipe = 7;
inline constexpr int64_t kAdaptSumPipe = 2;
inline constexpr int64_t kAdaptDownTail = 2;
inline constexpr int64_t kAdaptUpPipe = 14;

// ---- the fabric

// Word lines that a pass over K inputs opens: whole groups, at most a page.
constexpr int64_t PassRows(int64_t inputs, int64_t rows, int64_t group) {
  return std::min(rows, CeilDiv(inputs, group) * group);
}
// One pass: the word lines one after the other, the pipe, and the drain of the last group (each
// scaler walks its S drain registers; earlier groups drain behind the next one's rows).
constexpr int64_t PassCycles(int64_t pass_rows, int64_t columns_per_scaler, int64_t wire) {
  return wire + pass_rows + kBankPipe + columns_per_scaler + kScalerPipe;
}
// One matrix's column sums through its adder tree into the vector memory, W a cycle.
constexpr int64_t CollectCycles(int64_t outputs, int64_t row_blocks, int64_t lanes, int64_t wire) {
  return wire + TreeLevels(row_blocks) + kCollectPipe + CeilDiv(outputs, lanes);
}
// Logits through the tree into the list of the largest k, head_lanes a cycle.
constexpr int64_t CollectLogitsCycles(int64_t outputs, int64_t row_blocks, int64_t head_lanes,
                                      int64_t wire) {
  return wire + TreeLevels(row_blocks) + kLogitPipe + CeilDiv(outputs, head_lanes);
}
// The embedding column of a token: the row blocks read their word lines at the same time, a value
// a cycle, and write their words one behind the other in the same W cycles. With W > R the blocks
// of a word write together, the words one behind the other. Beside it a pair of rotary angles a
// cycle.
constexpr int64_t EmbedCycles(int64_t hidden, int64_t rows, int64_t head_dim, int64_t lanes,
                              int64_t wire) {
  const int64_t writer = std::max(rows, lanes);  // values that take their turn as one
  const int64_t turns = CeilDiv(hidden, writer), shift = std::min(rows, lanes);
  const int64_t last = CeilDiv(std::min(hidden - (turns - 1) * writer, rows), shift) * shift;
  const int64_t full = turns > 1 ? rows + turns - 2 : 0;
  return std::max(wire + std::max(full, last + turns - 1) + kEmbedPipe, head_dim / 2 + kAnglePipe);
}

// ---- the vector unit

// Words of a vector filled up to whole groups, as the quantizer takes it, and those of a group. The
// RTL has lanes <= group; wider words hold several groups.
constexpr int64_t PaddedWords(int64_t n, int64_t lanes, int64_t group) {
  return CeilDiv(CeilDiv(n, group) * group, lanes);
}
constexpr int64_t GroupWords(int64_t lanes, int64_t group) { return CeilDiv(group, lanes); }
// Segments of a head: what the lanes take at once of it.
constexpr int64_t Segments(int64_t head_dim, int64_t lanes) { return CeilDiv(head_dim, lanes); }

// A vector to block floating point.
constexpr int64_t QuantizeCycles(int64_t n, int64_t lanes, int64_t group) {
  return PaddedWords(n, lanes, group) + GroupWords(lanes, group) + kQuantizePipe;
}
// gate, up -> silu(gate) * up -> block floating point.
constexpr int64_t SwiGluCycles(int64_t n, int64_t lanes, int64_t group) {
  return QuantizeCycles(n, lanes, group) + kSwiGluPipe;
}
// Walk 1 finds the largest magnitude, walk 2 the sum of squares, walk 3 scales and quantizes.
constexpr int64_t NormCycles(int64_t n, int64_t lanes, int64_t group, bool gain) {
  return 2 * CeilDiv(n, lanes) + kNormPipe - 1 + (gain ? kGainPipe : 0) +
         QuantizeCycles(n, lanes, group);
}
// RMSNorm of each head, with gain: three walks over all heads, a segment a cycle.
constexpr int64_t HeadNormCycles(int64_t heads, int64_t head_dim, int64_t lanes) {
  return 3 * heads * Segments(head_dim, lanes) + kHeadNormPipe;
}
// Rotation of q or k in place, a segment a cycle. The angles are made beside the embedding.
constexpr int64_t RotateCycles(int64_t heads, int64_t head_dim, int64_t lanes) {
  return heads * Segments(head_dim, lanes) + kRotatePipe;
}
// Heads to int8 with one exponent each, a segment a cycle.
constexpr int64_t QuantizeHeadsCycles(int64_t heads, int64_t head_dim, int64_t lanes) {
  return (heads + 1) * Segments(head_dim, lanes) + kQuantizePipe;
}

// ---- attention

// For each round of A heads: a walk over the positions for scores and maxima (P a cycle; a tree
// joins their maxima), one for probabilities and the sum over values, then the division and the
// write of the round's outputs.
constexpr int64_t AttendRoundCycles(int64_t positions, int64_t head_dim, int64_t heads_at_once,
                                    int64_t positions_at_once, int64_t lanes) {
  return 2 * CeilDiv(positions, positions_at_once) + TreeLevels(positions_at_once) + kAttendPipe +
         heads_at_once * Segments(head_dim, lanes);
}
constexpr int64_t AttendCycles(int64_t positions, int64_t heads, int64_t head_dim,
                               int64_t heads_at_once, int64_t positions_at_once, int64_t lanes) {
  return CeilDiv(heads, heads_at_once) *
             AttendRoundCycles(positions, head_dim, heads_at_once, positions_at_once, lanes) +
         kAttendTail;
}

// ---- the adapter engine: P x L multipliers, L ranks of P neighbouring inputs or outputs a cycle

// L and P of an engine of that many lanes: as many ranks as may come, at most.
constexpr int64_t AdapterRanksAtOnce(int64_t lanes, int64_t max_rank) {
  return std::min(lanes, max_rank);
}
constexpr int64_t AdapterWordsAtOnce(int64_t lanes, int64_t max_rank) {
  return std::min<int64_t>(32, static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(
                                   lanes / AdapterRanksAtOnce(lanes, max_rank)))));
}
// Words that the ranks of an adapter take for a position: ceil(r / L).
constexpr int64_t AdapterTurns(int64_t rank, int64_t lanes, int64_t max_rank) {
  return CeilDiv(rank, AdapterRanksAtOnce(lanes, max_rank));
}
// Rank vectors t = A x of `matrices` matrices with the same K inputs, one matrix after the other:
// the walk over the inputs, then sums to int8.
constexpr int64_t AdaptDownCycles(int64_t inputs, int64_t rank, int64_t matrices, int64_t lanes,
                                  int64_t max_rank) {
  const int64_t turns = AdapterTurns(rank, lanes, max_rank);
  const int64_t walk = CeilDiv(inputs, AdapterWordsAtOnce(lanes, max_rank)) * turns;
  return matrices * (walk + kAdaptSumPipe * turns + kAdaptDownPipe) + kAdaptDownTail;
}
// A collect with an adapter of rank r: B t is made output by output, the exponents of the outputs
// before them, and the column sums wait for it; `collect_cycles` without an adapter.
constexpr int64_t CollectWithAdapterCycles(int64_t collect_cycles, int64_t outputs,
                                           int64_t row_blocks, int64_t rank, int64_t lanes,
                                           int64_t max_rank, int64_t wire) {
  const int64_t at_once = AdapterWordsAtOnce(lanes, max_rank);
  return std::max(collect_cycles,
                  wire + TreeLevels(row_blocks) + kAdaptUpPipe +
                      CeilDiv(outputs, at_once) * AdapterTurns(rank, lanes, max_rank) +
                      CeilDiv(outputs, at_once * AdapterRanksAtOnce(lanes, max_rank)));
}

}  // namespace burin::units
