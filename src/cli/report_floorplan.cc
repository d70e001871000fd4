#include "cli/report_floorplan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace burin {
namespace {

constexpr int64_t kMostDies = 8;

struct Unit {
  std::string name;
  int32_t page = 0;            // of its first block: page 0 is coloured before anyone points
  std::vector<int32_t> banks;  // sorted, each once
};

// Embedding, layers and head of a die in token order.
std::vector<Unit> UnitsOn(const PlacedFabric& f, int32_t die) {
  std::vector<Unit> units;
  for (size_t m = 0; m < f.matrices.size(); ++m) {
    const PlacedMatrix& matrix = f.matrices[m];
    if (matrix.die != die) continue;
    const MatrixEntry& entry = f.plan.matrices[m];
    std::string name = fmt::format("layer {}", entry.layer);
    if (entry.kind == TensorKind::kEmbedding) {
      name = f.plan.config.tied_head ? "embedding and head" : "embedding";
    }
    if (entry.kind == TensorKind::kHead) name = "head";
    if (units.empty() || units.back().name != name) {
      const auto& first = f.blocks[static_cast<size_t>(matrix.first_block)];
      units.push_back({name, first.page, {}});
    }
    for (int64_t b = 0; b < matrix.row_blocks * matrix.column_blocks; ++b) {
      units.back().banks.push_back(f.blocks[static_cast<size_t>(matrix.first_block + b)].bank);
    }
  }
  for (Unit& unit : units) {
    std::ranges::sort(unit.banks);
    const auto last = std::unique(unit.banks.begin(), unit.banks.end());
    unit.banks.erase(last, unit.banks.end());
  }
  return units;
}

// Banks of neighbouring numbers in one column of the floorplan become one rectangle.
std::string PathOf(const PlacedFabric& f, const Unit& unit) {
  std::string path;
  double x = -1, y0 = 0, y1 = 0, width = 0;
  auto flush = [&] {
    if (x >= 0)
      path += fmt::format("M{:.3f} {:.3f}h{:.3f}v{:.3f}h-{:.3f}z", x, y0, width, y1 - y0, width);
  };
  for (const int32_t bank : unit.banks) {
    const FloorplanItem& item = f.floorplan[static_cast<size_t>(bank)];
    const double top = f.die_height - item.y - item.height, bottom = f.die_height - item.y;
    const bool joins = x >= 0 && std::abs(item.x - x) < 1e-9 &&
                       (std::abs(bottom - y0) < 1e-6 || std::abs(top - y1) < 1e-6);
    if (joins) {
      y0 = std::min(y0, top);
      y1 = std::max(y1, bottom);
      continue;
    }
    flush();
    x = item.x;
    y0 = top;
    y1 = bottom;
    width = item.width;
  }
  flush();
  return path;
}

const char* KindName(FloorplanItem::Kind kind) {
  switch (kind) {
    case FloorplanItem::Kind::kBank:
      return "banks";
    case FloorplanItem::Kind::kVector:
      return "vector unit";
    case FloorplanItem::Kind::kAttention:
      return "attention";
    case FloorplanItem::Kind::kAdapter:
      return "adapter engine";
    case FloorplanItem::Kind::kKv:
      return "KV SRAM";
    case FloorplanItem::Kind::kAdapterSram:
      return "adapter SRAM";
    case FloorplanItem::Kind::kHead:
      return "top-k";
    case FloorplanItem::Kind::kLink:
      return "link";
  }
  return "";
}

std::string DieSvg(const PlacedFabric& f, int32_t die) {
  std::string svg = fmt::format(
      "<figure><svg class=\"die\" viewBox=\"-0.1 -0.1 {:.3f} {:.3f}\" role=\"img\" "
      "aria-label=\"Floorplan "
      "of die {}\"><rect class=\"edge\" width=\"{:.3f}\" height=\"{:.3f}\"/>",
      f.die_width + 0.2, f.die_height + 0.2, die, f.die_width, f.die_height);
  const auto units = UnitsOn(f, die);
  for (size_t u = 0; u < units.size(); ++u) {
    const double hue = std::fmod(137.5 * static_cast<double>(u), 360);  // neighbours far apart
    svg += fmt::format("<path class=\"unit{}\" style=\"--hue:{:.0f}\" data-name=\"{}\" d=\"{}\"/>",
                       units[u].page == 0 ? " first" : "", hue, units[u].name, PathOf(f, units[u]));
  }
  for (size_t i = static_cast<size_t>(f.banks); i < f.floorplan.size(); ++i) {
    const FloorplanItem& item = f.floorplan[i];
    if (item.kind == FloorplanItem::Kind::kBank || item.die != die) continue;
    svg += fmt::format(
        "<rect class=\"part k{}\" data-name=\"{}\" x=\"{:.3f}\" y=\"{:.3f}\" width=\"{:.3f}\" "
        "height=\"{:.3f}\"/>",
        static_cast<int>(item.kind), KindName(item.kind), item.x,
        f.die_height - item.y - item.height, item.width, item.height);
  }
  return svg + fmt::format("</svg><figcaption>die {}: {:.1f} x {:.1f} mm</figcaption></figure>",
                           die, f.die_width, f.die_height);
}

}  // namespace

std::string FloorplanSvg(const PlacedFabric& fabric) {
  std::string html = fmt::format("<div class=\"dies n{}\">", std::min<int64_t>(fabric.dies, 4));
  for (int64_t die = 0; die < std::min(fabric.dies, kMostDies); ++die) {
    html += DieSvg(fabric, static_cast<int32_t>(die));
  }
  html += "</div>";
  if (fabric.dies > kMostDies) {
    html += fmt::format("<p>The first {} of {} dies.</p>", kMostDies, fabric.dies);
  }
  return html;
}

}  // namespace burin
