// How fast this machine reads memory: the limit of decoding, which reads every weight once a token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/thread_pool.h"

namespace burin {

// Bytes a second at which the pool's threads together read `buffer` (each its own contiguous part,
// plain loads, all bytes used): the best of `rounds` passes after one to warm up. The buffer should
// be several times the last cache.
double MeasureReadBytesPerSecond(std::span<const std::byte> buffer, int rounds, ThreadPool& pool);

}  // namespace burin
