// How much of a matrix a matrix of small rank can hold.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace burin::mask {

// For r = 1 .. most: the share of the squared Frobenius norm of values [rows][cols] that the best
// approximation of rank r keeps, in [0, 1], rising; 1 for a zero matrix. By the randomized range
// finder of Halko, Martinsson and Tropp (2011, algorithm 4.4) with 8 columns more than `most` and
// two power iterations, which may miss a little and never overstates; random numbers from Philox,
// so the result is the same each time.
std::vector<double> EnergyByRank(std::span<const float> values, int64_t rows, int64_t cols,
                                 int most);

}  // namespace burin::mask
