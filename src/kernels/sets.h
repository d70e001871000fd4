// The kernel sets of this program, for dispatch.cc only; everyone else asks kernel_set.h.
#pragma once

#include "kernels/kernel_set.h"

namespace burin {

extern const KernelSet kScalarKernels;
#if defined(__x86_64__)
extern const KernelSet kAvx2Kernels;
extern const KernelSet kAvxVnniKernels;
extern const KernelSet kAvx512VnniKernels;
#elif defined(__aarch64__)
extern const KernelSet kNeonDotKernels;
#endif

}  // namespace burin
