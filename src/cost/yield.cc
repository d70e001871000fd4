#include "cost/yield.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace burin {
namespace {

double Faults(double area_mm2, double defects_per_cm2) { return area_mm2 / 100 * defects_per_cm2; }

}  // namespace

double PoissonYield(double area_mm2, double defects_per_cm2) {
  return std::exp(-Faults(area_mm2, defects_per_cm2));
}

double MurphyYield(double area_mm2, double defects_per_cm2) {
  const double faults = Faults(area_mm2, defects_per_cm2);
  if (faults < 1e-9) return 1;
  const double share = -std::expm1(-faults) / faults;
  return share * share;
}

double SeedsYield(double area_mm2, double defects_per_cm2) {
  return 1 / (1 + Faults(area_mm2, defects_per_cm2));
}

double NegativeBinomialYield(double area_mm2, double defects_per_cm2, double alpha) {
  return std::pow(1 + Faults(area_mm2, defects_per_cm2) / alpha, -alpha);
}

double RepairedYield(double fatal_mm2, double array_mm2, double repair_share,
                     double defects_per_cm2, double alpha) {
  return NegativeBinomialYield(fatal_mm2 + (1 - repair_share) * array_mm2, defects_per_cm2, alpha);
}

int64_t GrossDies(double area_mm2, double wafer_mm) {
  const double radius = wafer_mm / 2;
  const double dies = std::numbers::pi * radius * radius / area_mm2 -
                      std::numbers::pi * wafer_mm / std::sqrt(2 * area_mm2);
  return dies > 0 ? static_cast<int64_t>(std::min(dies, 1e12)) : 0;
}

int64_t GoodDies(double area_mm2, double wafer_mm, double yield) {
  const int64_t gross = GrossDies(area_mm2, wafer_mm);
  if (gross == 0) return 0;
  return std::max<int64_t>(1, std::llround(static_cast<double>(gross) * yield));
}

}  // namespace burin
