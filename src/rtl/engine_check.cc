#include "rtl/engine_check.h"

#include <fmt/format.h>

#include <string>

#include "quant/adapter_memory.h"

namespace burin {
namespace {

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

bool Divides(int64_t a, int64_t b) { return a > 0 && b % a == 0; }

constexpr const char* kOnlyWhole =
    "A tile (--tile LAYER.MATRIX, such as --tile 0.down_proj) has no such limit.";

std::string Object(const PlacedFabric& fabric, const char* knob) {
  return fmt::format("{} on chip {}: {}", fabric.plan.name, fabric.chip.name, knob);
}

// Vector lanes against group, columns and heads.
Status CheckLanes(const PlacedFabric& fabric) {
  const ModelConfig& c = fabric.plan.config;
  const int64_t w = fabric.chip.vector_lanes, group = fabric.plan.group;
  if (!Divides(w, group)) {
    return BadInput(Object(fabric, "vector_lanes"), fmt::format("{}", w),
                    fmt::format("a divisor of the model's group of {}: the emitted engine makes a "
                                "group's exponent from whole words of that many lanes",
                                group),
                    kOnlyWhole);
  }
  if (!Divides(2 * w, fabric.chip.columns)) {
    return BadInput(Object(fabric, "columns"), fmt::format("{}", fabric.chip.columns),
                    fmt::format("a multiple of twice the vector lanes, {}", 2 * w));
  }
  if (!Divides(c.head_dim, w) && !Divides(2 * w, c.head_dim)) {
    return BadInput(
        Object(fabric, "vector_lanes"), fmt::format("{}", w),
        fmt::format("a multiple of the head dimension {}, or a divisor of its half", c.head_dim),
        kOnlyWhole);
  }
  if (CeilDiv(c.hidden, fabric.chip.rows) > w) {
    return BadInput(Object(fabric, "rows"), fmt::format("{}", fabric.chip.rows),
                    fmt::format("at least {}: one row block of the embedding a vector lane",
                                CeilDiv(c.hidden, w)));
  }
  return {};
}

Status CheckAttention(const PlacedFabric& fabric) {
  const ChipSpec& chip = fabric.chip;
  const ModelConfig& c = fabric.plan.config;
  const int64_t a = chip.attention_heads, share = c.heads / c.kv_heads;
  if (!Divides(a, c.heads) || (!Divides(a, share) && !Divides(share, a))) {
    return BadInput(Object(fabric, "attention_heads"), fmt::format("{}", a),
                    fmt::format("a divisor or multiple of the {} query heads of a key/value head "
                                "that divides all {}",
                                share, c.heads),
                    kOnlyWhole);
  }
  if (chip.attention_positions > 32) {
    return BadInput(Object(fabric, "attention_positions"),
                    fmt::format("{}", chip.attention_positions), "at most 32");
  }
  return {};
}

}  // namespace

Status CheckEngine(const PlacedFabric& fabric) {
  const ChipSpec& chip = fabric.chip;
  const int64_t w = chip.vector_lanes, scalers = chip.columns / chip.columns_per_scaler;
  if (fabric.dies != 1 || chip.layer_engines != 1) {
    return BadInput(fmt::format("{} on chip {}", fabric.plan.name, chip.name),
                    fmt::format("{} dies, {} layer engines", fabric.dies, chip.layer_engines),
                    "one of each: the emitted chip is one die with one engine", kOnlyWhole);
  }
  BURIN_TRY(CheckLanes(fabric));
  BURIN_TRY(CheckAttention(fabric));
  if (w % EngineOf(chip.adapter_lanes, chip.max_rank).positions != 0) {
    return BadInput(Object(fabric, "adapter_lanes"), fmt::format("{}", chip.adapter_lanes),
                    fmt::format("at most {} times max_rank: an adapter word is no wider than the "
                                "vector lanes",
                                w));
  }
  if (w % chip.head_lanes != 0) {
    return BadInput(Object(fabric, "head_lanes"), fmt::format("{}", chip.head_lanes),
                    fmt::format("a divisor of the vector lanes, {}", w));
  }
  if (scalers % 2 != 0) {
    return BadInput(
        Object(fabric, "columns_per_scaler"), fmt::format("{}", chip.columns_per_scaler),
        fmt::format("one that makes the scalers of {} columns an even number, such as {}",
                    chip.columns, chip.columns / 2));
  }
  return {};
}

}  // namespace burin
