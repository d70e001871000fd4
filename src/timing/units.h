// Cycles of every unit of the machine (docs/machine.md), each as one closed formula and nowhere
// else. Schedule, report and tests call these functions; a header in hw/ quotes its own, and the
// RTL is measured against them. A "cycle" of a step runs from the edge on which the sequencer
// raises `start` to the edge on which the unit has raised `done`.
//
// Letters: n values of the step's vector, W vector lanes, R rows of a page, G rows of a group,
// S columns of a scaler, A heads at once, P positions a cycle.
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

// ---- depths of pipelines, in registers from the first input to the first output

// Sequencer: word of the program ROM, decode; then the unit's start. Before every step.
inline constexpr int64_t kIssue = 2;
// Bank: activation, products by the L levels, selected product, accumulator.
inline constexpr int64_t kBankPipe = 4;
// Scaler: drain register, 8 * hi + lo, times mantissa, shift and round, column sum.
inline constexpr int64_t kScalerPipe = 4;
// Collector: column sum out of the bank; behind the tree shift to fixed point, bias or residual.
inline constexpr int64_t kCollectPipe = 4;
// A read of the vector memory and the write of a result.
inline constexpr int64_t kMemoryPipe = 2;
// ReciprocalRoot (contract 5): normalise, table, square, multiply, correct, shift; times root.
inline constexpr int64_t kRootPipe = 8;
// Reciprocal: the same without the square.
inline constexpr int64_t kReciprocalPipe = 6;
// Reduction of the lanes of a word to one number (maximum or sum) and its register.
constexpr int64_t LanePipe(int64_t lanes) { return TreeLevels(lanes) + 1; }
// Block-floating quantizer: leading-zero count, shift, round and limit.
inline constexpr int64_t kQuantizePipe = 3;
// Norm: multiply, scale.
inline constexpr int64_t kNormPipe = 2;
// Gain: multiply, scale.
inline constexpr int64_t kGainPipe = 2;
// Rotation: angle of coarse and fine turn (2), products, sum and round.
inline constexpr int64_t kRotatePipe = 4;
// Sigmoid (index, entry, interpolate), times gate, times up.
inline constexpr int64_t kSwiGluPipe = 5;
// Score: product, (tree), scale; Exp2Negative: index, interpolate, shift; times value, accumulate.
inline constexpr int64_t kScorePipe = 3;
inline constexpr int64_t kSoftmaxPipe = 4;
inline constexpr int64_t kValuePipe = 3;
// Comparator that a logit passes into the sorted list of the largest.
inline constexpr int64_t kTopKPipe = 2;
// Adapter engine: product, accumulate, write.
inline constexpr int64_t kAdapterPipe = 3;

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
// Logits through the tree into the top-k unit, then the list of the largest k.
constexpr int64_t CollectLogitsCycles(int64_t outputs, int64_t row_blocks, int64_t head_lanes,
                                      int64_t top_k, int64_t wire) {
  return wire + TreeLevels(row_blocks) + kCollectPipe + CeilDiv(outputs, head_lanes) + kTopKPipe +
         top_k;
}
// The embedding column of a token: the row blocks read their word lines at the same time, one a
// cycle, into their row registers; then W values a cycle go to the vector memory.
constexpr int64_t EmbedCycles(int64_t hidden, int64_t pass_rows, int64_t lanes, int64_t wire) {
  return wire + pass_rows + kBankPipe + kCollectPipe + CeilDiv(hidden, lanes);
}

// ---- the vector unit

// Cycles that a group waits in the quantizer until its maximum is known.
constexpr int64_t GroupWait(int64_t group, int64_t lanes) { return CeilDiv(group, lanes); }

// Walk 1 finds the largest magnitude, walk 2 the sum of squares, walk 3 scales and quantizes.
constexpr int64_t NormCycles(int64_t n, int64_t lanes, int64_t group, bool gain) {
  return 3 * (CeilDiv(n, lanes) + kMemoryPipe) + 2 * LanePipe(lanes) + kRootPipe + kNormPipe +
         (gain ? kGainPipe : 0) + GroupWait(group, lanes) + kQuantizePipe;
}
// RMSNorm of each head: the same walks over all heads with a maximum and a sum each; the roots
// follow one another through one pipe.
constexpr int64_t HeadNormCycles(int64_t n, int64_t heads, int64_t lanes) {
  return 3 * (CeilDiv(n, lanes) + kMemoryPipe) + 2 * LanePipe(lanes) + heads + kRootPipe +
         kNormPipe + kGainPipe;
}
// Rotation of q or k in place; head_dim / 2 angles first, W at once.
constexpr int64_t RotateCycles(int64_t n, int64_t head_dim, int64_t lanes) {
  return CeilDiv(head_dim / 2, lanes) + CeilDiv(n, lanes) + kMemoryPipe + kRotatePipe;
}
// Heads to int8 with one exponent each.
constexpr int64_t QuantizeHeadsCycles(int64_t n, int64_t head_dim, int64_t lanes) {
  return CeilDiv(n, lanes) + GroupWait(head_dim, lanes) + kMemoryPipe + kQuantizePipe;
}
// A vector to block floating point.
constexpr int64_t QuantizeCycles(int64_t n, int64_t lanes, int64_t group) {
  return CeilDiv(n, lanes) + GroupWait(group, lanes) + kMemoryPipe + kQuantizePipe;
}
// gate, up -> silu(gate) * up -> block floating point.
constexpr int64_t SwiGluCycles(int64_t n, int64_t lanes, int64_t group) {
  return CeilDiv(n, lanes) + GroupWait(group, lanes) + kMemoryPipe + kSwiGluPipe + kQuantizePipe;
}

// ---- attention

// For each round of A heads: a walk over the positions for scores and maxima, one for probabilities
// and the sum over values, then the division and the write of the round's outputs.
constexpr int64_t AttendRoundCycles(int64_t positions, int64_t head_dim, int64_t heads_at_once,
                                    int64_t positions_at_once, int64_t lanes) {
  return 2 * CeilDiv(positions, positions_at_once) + kScorePipe + TreeLevels(head_dim) +
         LanePipe(positions_at_once) + kSoftmaxPipe + kValuePipe + LanePipe(positions_at_once) +
         kReciprocalPipe + CeilDiv(heads_at_once * head_dim, lanes) + kMemoryPipe;
}
constexpr int64_t AttendCycles(int64_t positions, int64_t heads, int64_t head_dim,
                               int64_t heads_at_once, int64_t positions_at_once, int64_t lanes) {
  return CeilDiv(heads, heads_at_once) *
         AttendRoundCycles(positions, head_dim, heads_at_once, positions_at_once, lanes);
}

// ---- the adapter engine: P x L multipliers, L ranks of P neighbouring inputs or outputs a cycle

// L and P of an engine of that many lanes: as many ranks as may come, at most.
constexpr int64_t AdapterRanksAtOnce(int64_t lanes, int64_t max_rank) {
  return std::min(lanes, max_rank);
}
constexpr int64_t AdapterWordsAtOnce(int64_t lanes, int64_t max_rank) {
  return std::max<int64_t>(1, lanes / AdapterRanksAtOnce(lanes, max_rank));
}
// Cycles that the engine takes over n inputs (A x) or n outputs (B t) of one matrix.
constexpr int64_t AdapterWalk(int64_t n, int64_t rank, int64_t lanes, int64_t max_rank) {
  return CeilDiv(rank, AdapterRanksAtOnce(lanes, max_rank)) *
             CeilDiv(n, AdapterWordsAtOnce(lanes, max_rank)) +
         kAdapterPipe;
}
// Rank vectors t = A x of `matrices` matrices with the same K inputs, one matrix after the other.
constexpr int64_t AdaptDownCycles(int64_t inputs, int64_t rank, int64_t matrices, int64_t lanes,
                                  int64_t max_rank) {
  return matrices * AdapterWalk(inputs, rank, lanes, max_rank);
}
// A collect with an adapter of rank r: B t is made beside it, and the slower of the two decides.
constexpr int64_t CollectWithAdapterCycles(int64_t collect_cycles, int64_t outputs, int64_t rank,
                                           int64_t lanes, int64_t max_rank) {
  return std::max(collect_cycles, AdapterWalk(outputs, rank, lanes, max_rank));
}

}  // namespace burin::units
