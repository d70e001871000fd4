#include "fabric/dump.h"

#include <fmt/format.h>

namespace burin {
namespace {

constexpr size_t kPiece = 1 << 16;

std::string Head(const PlacedFabric& f) {
  std::string text = fmt::format(
      "placement 1\nmodel {}\nchip {} rows {} columns {} fold {} levels {}\n"
      "dies {} banks {} engines {} context {}\n",
      f.plan.name, f.chip.name, f.chip.rows, f.chip.columns, f.chip.fold, f.chip.levels, f.dies,
      f.banks, f.engines, f.max_context);
  for (size_t m = 0; m < f.matrices.size(); ++m) {
    const PlacedMatrix& p = f.matrices[m];
    text += fmt::format(
        "matrix {} {} rows {} cols {} bits {} blocks {} x {} die {} engine {} wire {}\n", m,
        f.plan.matrices[m].name, p.shape.rows, p.shape.cols, p.shape.bits, p.row_blocks,
        p.column_blocks, p.die, p.engine, p.wire_stages);
  }
  for (size_t s = 0; s < f.program.size(); ++s) {
    const Step& step = f.program[s];
    text +=
        fmt::format("step {} {} layer {} values {}", s, OpName(step.op), step.layer, step.values);
    for (const int32_t m : step.matrices) {
      if (m >= 0) text += fmt::format(" {}", f.plan.matrices[static_cast<size_t>(m)].name);
    }
    text += step.only_with_adapter ? " (with adapter)\n" : "\n";
  }
  return text;
}

}  // namespace

Status DumpPlacement(const PlacedFabric& fabric,
                     const std::function<Status(std::string_view)>& write) {
  std::string text = Head(fabric);
  auto flush_at = [&](size_t size) -> Status {
    if (text.size() < size) return {};
    BURIN_TRY(write(text));
    text.clear();
    return {};
  };
  for (const PlacedBlock& b : fabric.blocks) {
    fmt::format_to(std::back_inserter(text),
                   "block {} {} {} bank {} page {} rows {} {} columns {} {}\n", b.matrix,
                   b.row_block, b.column_block, b.bank, b.page, b.row_begin, b.row_end,
                   b.column_begin, b.column_end);
    BURIN_TRY(flush_at(kPiece));
  }
  for (const FloorplanItem& i : fabric.floorplan) {
    fmt::format_to(std::back_inserter(text), "{} {} die {} at {:.4f} {:.4f} size {:.4f} {:.4f}\n",
                   FloorplanKindName(i.kind), i.index, i.die, i.x, i.y, i.width, i.height);
    BURIN_TRY(flush_at(kPiece));
  }
  return flush_at(1);
}

}  // namespace burin
