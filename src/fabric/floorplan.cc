#include "fabric/floorplan.h"

#include <algorithm>
#include <cmath>

namespace burin {
namespace {

using Kind = FloorplanItem::Kind;

// The banks of a layer engine, half of them left and half right of a strip that holds the engine
// and its share of the memories.
struct Region {
  int64_t first_bank = 0, banks = 0;  // of the die
  int64_t rows = 0, left_columns = 0, columns = 0;
  double x = 0, y = 0, strip_width = 0;

  double height(const FloorplanSizes& s) const { return static_cast<double>(rows) * s.bank_height; }
  double width(const FloorplanSizes& s) const {
    return static_cast<double>(columns) * s.bank_width + strip_width;
  }
  double strip_x(const FloorplanSizes& s) const {
    return x + static_cast<double>(left_columns) * s.bank_width;
  }
};

struct Part {
  Kind kind;
  double mm2;
};

// The floorplan of a die follows from the chip alone, so that the base die is the same for every
// model: a chip with a fixed number of banks draws them all.
struct DiePlan {
  std::vector<Region> regions;
  std::vector<Part> strip;  // of each region, from below
  double width = 0, height = 0, bottom = 0;
};

double StripArea(const std::vector<Part>& parts) {
  double sum = 0;
  for (const Part& part : parts) sum += part.mm2;
  return sum;
}

// Width to aim at for regions of that area. The wires of an area model come on top of a floorplan:
// hence the tenth.
double SideFor(double mm2, const FloorplanSizes& s) {
  const double square = std::sqrt(mm2);
  if (s.exposure_width_mm <= 0 || square < 0.9 * s.exposure_width_mm) return square;
  return std::sqrt((mm2 + s.head_mm2 + s.link_mm2) * s.exposure_width_mm / s.exposure_height_mm);
}

// Regions in shelves of about the width of the die, consecutive ones beside each other.
void LayOut(DiePlan& plan, const FloorplanSizes& s) {
  const double strip_area = StripArea(plan.strip);
  double total = 0;
  for (const Region& r : plan.regions) {
    total += static_cast<double>(r.banks) * s.bank_width * s.bank_height + strip_area;
  }
  const double side = SideFor(total, s);
  const size_t count = plan.regions.size();
  const auto shelves =
      static_cast<size_t>(std::max(1.0, std::round(std::sqrt(static_cast<double>(count)))));
  double y = plan.bottom;
  for (size_t shelf = 0; shelf < shelves; ++shelf) {
    const size_t begin = shelf * count / shelves, end = (shelf + 1) * count / shelves;
    double area = 0;
    for (size_t i = begin; i < end; ++i) {
      area +=
          static_cast<double>(plan.regions[i].banks) * s.bank_width * s.bank_height + strip_area;
    }
    const auto rows = std::max<int64_t>(1, std::llround(area / side / s.bank_height));
    double x = 0;
    for (size_t k = begin; k < end; ++k) {
      // Every second shelf runs backwards: the next layer is always next door.
      Region& r = plan.regions[shelf % 2 == 0 ? k : end - 1 - (k - begin)];
      r.rows = rows;
      r.columns = (r.banks + rows - 1) / rows;
      r.left_columns = r.columns / 2;
      r.x = x;
      r.y = y;
      r.strip_width = strip_area / r.height(s);
      x += r.width(s);
    }
    plan.width = std::max(plan.width, x);
    y += static_cast<double>(rows) * s.bank_height;
  }
  plan.height = y;
}

DiePlan PlanDie(const ChipSpec& chip, int64_t banks, const FloorplanSizes& s) {
  const int64_t engines = std::min(chip.layer_engines, banks);
  DiePlan plan;
  const auto share = 1 / static_cast<double>(engines);
  plan.strip = {{Kind::kVector, s.vector_mm2},
                {Kind::kAttention, s.attention_mm2},
                {Kind::kAdapter, s.adapter_mm2},
                {Kind::kKv, static_cast<double>(chip.kv_bytes) * s.kv_mm2_per_byte * share},
                {Kind::kAdapterSram,
                 static_cast<double>(chip.adapter_bytes) * s.adapter_mm2_per_byte * share}};
  for (int64_t e = 0; e < engines; ++e) {
    Region region;
    region.first_bank = e * banks / engines;
    region.banks = (e + 1) * banks / engines - region.first_bank;
    plan.regions.push_back(region);
  }
  LayOut(plan, s);
  // Head and link share a strip below all regions.
  plan.bottom = (s.head_mm2 + s.link_mm2) / plan.width;
  for (Region& region : plan.regions) region.y += plan.bottom;
  plan.height += plan.bottom;
  return plan;
}

const Region& RegionOf(const DiePlan& plan, int64_t bank) {
  auto after = std::upper_bound(plan.regions.begin(), plan.regions.end(), bank,
                                [](int64_t b, const Region& r) { return b < r.first_bank; });
  return *std::prev(after);
}

// Banks fill a region column by column, up and down in turn.
FloorplanItem BankItem(const DiePlan& plan, const FloorplanSizes& s, int64_t bank) {
  const Region& r = RegionOf(plan, bank);
  const int64_t k = bank - r.first_bank, column = k / r.rows;
  const int64_t row = column % 2 == 0 ? k % r.rows : r.rows - 1 - k % r.rows;
  FloorplanItem item;
  item.x = r.x + static_cast<double>(column) * s.bank_width +
           (column >= r.left_columns ? r.strip_width : 0);
  item.y = r.y + static_cast<double>(row) * s.bank_height;
  item.width = s.bank_width;
  item.height = s.bank_height;
  return item;
}

void AddEngines(const DiePlan& plan, const FloorplanSizes& s, std::vector<FloorplanItem>& items) {
  for (size_t e = 0; e < plan.regions.size(); ++e) {
    const Region& r = plan.regions[e];
    double y = r.y;
    for (const Part& part : plan.strip) {
      if (part.mm2 <= 0) continue;
      const double height = part.mm2 / r.strip_width;
      items.push_back(
          {part.kind, static_cast<int32_t>(e), 0, r.strip_x(s), y, r.strip_width, height});
      y += height;
    }
  }
  const double head_width = s.head_mm2 / plan.bottom;
  items.push_back({Kind::kHead, 0, 0, 0, 0, head_width, plan.bottom});
  items.push_back({Kind::kLink, 0, 0, head_width, 0, plan.width - head_width, plan.bottom});
}

// The farthest bank of each matrix from the middle of its engine's strip.
void MeasureWires(PlacedFabric& fabric, const std::vector<DiePlan>& plans,
                  const std::vector<int64_t>& first_engine) {
  const FloorplanSizes& s = fabric.sizes;
  for (PlacedMatrix& matrix : fabric.matrices) {
    const auto die = static_cast<size_t>(matrix.die);
    const Region& r = plans[die].regions[static_cast<size_t>(matrix.engine - first_engine[die])];
    const double x = r.strip_x(s) + r.strip_width / 2, y = r.y + r.height(s) / 2;
    const int64_t end = matrix.first_block + matrix.row_blocks * matrix.column_blocks;
    for (int64_t b = matrix.first_block; b < end; ++b) {
      const FloorplanItem& bank =
          fabric.floorplan[static_cast<size_t>(fabric.blocks[static_cast<size_t>(b)].bank)];
      const double far =
          std::abs(bank.x + bank.width / 2 - x) + std::abs(bank.y + bank.height / 2 - y);
      matrix.reach_mm = std::max(matrix.reach_mm, far);
    }
    if (s.in_mm) {
      matrix.wire_stages = static_cast<int32_t>(matrix.reach_mm / fabric.chip.mm_per_cycle.nominal);
    } else {
      matrix.reach_mm = 0;
    }
  }
}

}  // namespace

const char* FloorplanKindName(FloorplanItem::Kind kind) {
  switch (kind) {
    case Kind::kBank:
      return "bank";
    case Kind::kVector:
      return "vector";
    case Kind::kAttention:
      return "attention";
    case Kind::kAdapter:
      return "adapter";
    case Kind::kKv:
      return "kv";
    case Kind::kAdapterSram:
      return "adapter_sram";
    case Kind::kHead:
      return "head";
    case Kind::kLink:
      return "link";
  }
  return "";
}

DieFloorplan FloorplanOfDie(const ChipSpec& chip, int64_t banks, const FloorplanSizes& sizes) {
  if (chip.banks > 0) banks = chip.banks;
  const DiePlan plan = PlanDie(chip, banks, sizes);
  DieFloorplan floorplan{{}, plan.width, plan.height};
  for (int64_t bank = 0; bank < banks; ++bank) {
    floorplan.items.push_back(BankItem(plan, sizes, bank));
    floorplan.items.back().index = static_cast<int32_t>(bank);
  }
  AddEngines(plan, sizes, floorplan.items);
  return floorplan;
}

void DrawFloorplan(PlacedFabric& fabric) {
  std::vector<int64_t> first_engine(static_cast<size_t>(fabric.dies), fabric.engines);
  for (const PlacedMatrix& m : fabric.matrices) {
    auto& first = first_engine[static_cast<size_t>(m.die)];
    first = std::min<int64_t>(first, m.engine);
  }
  std::vector<DiePlan> plans;
  std::vector<FloorplanItem> engines;
  for (int64_t die = 0; die < fabric.dies; ++die) {
    const auto d = static_cast<size_t>(die);
    const int64_t used = fabric.die_first_bank[d + 1] - fabric.die_first_bank[d];
    const int64_t banks = fabric.chip.banks == 0 ? used : fabric.chip.banks;
    plans.push_back(PlanDie(fabric.chip, banks, fabric.sizes));
    for (int64_t bank = 0; bank < used; ++bank) {
      FloorplanItem item = BankItem(plans.back(), fabric.sizes, bank);
      item.index = static_cast<int32_t>(fabric.floorplan.size());
      item.die = static_cast<int32_t>(die);
      fabric.floorplan.push_back(item);
    }
    const size_t first = engines.size();
    AddEngines(plans.back(), fabric.sizes, engines);
    for (size_t i = first; i < engines.size(); ++i) engines[i].die = static_cast<int32_t>(die);
    fabric.die_width = std::max(fabric.die_width, plans.back().width);
    fabric.die_height = std::max(fabric.die_height, plans.back().height);
  }
  fabric.floorplan.insert(fabric.floorplan.end(), engines.begin(), engines.end());
  MeasureWires(fabric, plans, first_engine);
}

}  // namespace burin
