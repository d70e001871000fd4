// Yield of dies, and dies of a wafer. Areas in mm2, defects a cm2.
#pragma once

#include <cstdint>

namespace burin {

double PoissonYield(double area_mm2, double defects_per_cm2);
double MurphyYield(double area_mm2, double defects_per_cm2);
double SeedsYield(double area_mm2, double defects_per_cm2);
// alpha > 0: small means that defects come in clusters; large goes to Poisson.
double NegativeBinomialYield(double area_mm2, double defects_per_cm2, double alpha);

// A die of two parts: every defect in `fatal_mm2` kills it; of those in arrays a share does not,
// since a spare line takes over or the model bears a stuck cell.
double RepairedYield(double fatal_mm2, double array_mm2, double repair_share,
                     double defects_per_cm2, double alpha);

// Whole dies of a round wafer: floor(pi r^2 / A - pi d / sqrt(2 A)), not below 0.
int64_t GrossDies(double area_mm2, double wafer_mm);
// Of these, the good ones: rounded to whole dies, at least 1 of a wafer that holds one.
int64_t GoodDies(double area_mm2, double wafer_mm, double yield);

}  // namespace burin
