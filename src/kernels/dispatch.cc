#include <vector>

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "kernels/sets.h"

namespace burin {
namespace {

std::vector<const KernelSet*> FindAvailable() {
  std::vector<const KernelSet*> sets = {&kScalarKernels};
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512vnni");
  // Neither compiler's __builtin_cpu_supports knows AVX-VNNI: CPUID leaf 7, subleaf 1, EAX bit 4.
  unsigned eax = 7, ebx = 0, ecx = 1, edx = 0;
  asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
  if (avx2) sets.push_back(&kAvx2Kernels);
  if (avx2 && (eax & 16u) != 0) sets.push_back(&kAvxVnniKernels);
  if (avx2 && avx512) sets.push_back(&kAvx512VnniKernels);
#elif defined(__aarch64__)
  if ((getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0) sets.push_back(&kNeonDotKernels);
#endif
  return sets;
}

}  // namespace

std::span<const KernelSet* const> AvailableKernelSets() {
  static const std::vector<const KernelSet*> sets = FindAvailable();
  return sets;
}

Result<const KernelSet*> FindKernelSet(std::string_view name) {
  if (name.empty() || name == "auto") return AvailableKernelSets().back();
  std::string known;
  for (const KernelSet* set : AvailableKernelSets()) {
    if (set->name == name) return set;
    known += (known.empty() ? "" : ", ") + std::string(set->name);
  }
  return BadInput("kernel set", fmt::format("'{}'", name), "auto or one of " + known,
                  "Sets that this processor cannot run are not in the list.");
}

}  // namespace burin
