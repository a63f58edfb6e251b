#include "targets.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace diffwave {

#define DIFFWAVE_DECLARE(target)            \
  namespace target {                        \
  const TrainingKernels& trainingTable();   \
  const ForwardKernels& forwardTable();     \
  const OptimiserKernels& optimiserTable(); \
  }

#if defined(DIFFWAVE_WITH_AMX)
DIFFWAVE_DECLARE(amx)
#endif
#if defined(__x86_64__)
DIFFWAVE_DECLARE(avx512)
DIFFWAVE_DECLARE(avx2)
DIFFWAVE_DECLARE(avx2x16)
#elif defined(__aarch64__)
DIFFWAVE_DECLARE(neon)
#endif
#if defined(__wasm__)
DIFFWAVE_DECLARE(wasm)
#else
DIFFWAVE_DECLARE(baseline)
#endif

#if defined(__x86_64__)
static bool hasAvx2() {
  __builtin_cpu_init();  // on Windows nothing else calls it
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
static bool hasAvx512() { return hasAvx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"); }
#endif
#if defined(DIFFWAVE_WITH_AMX)
/** Whether the processor has AMX with bfloat16, and the system lets this process use it (Linux: on request). */
static bool hasAmx() {
  if (!hasAvx512() || !__builtin_cpu_supports("avx512bf16")) return false;
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  constexpr unsigned bfloat16 = 1u << 22, tile = 1u << 24;
  if ((d & (bfloat16 | tile)) != (bfloat16 | tile)) return false;
  constexpr long requestPermission = 0x1023, tileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
}
#endif
static bool always() { return true; }

static const Target targets[] = {
#if defined(DIFFWAVE_WITH_AMX)
    {"amx", amx::trainingTable, amx::forwardTable, amx::optimiserTable, hasAmx, false},
#endif
#if defined(__x86_64__)
    {"avx512", avx512::trainingTable, avx512::forwardTable, avx512::optimiserTable, hasAvx512, false},
    {"avx2", avx2::trainingTable, avx2::forwardTable, avx2::optimiserTable, hasAvx2, false},
    {"avx2x16", avx2x16::trainingTable, avx2x16::forwardTable, avx2x16::optimiserTable, hasAvx2, true},
#elif defined(__aarch64__)
    {"neon", neon::trainingTable, neon::forwardTable, neon::optimiserTable, always, false},
#endif
#if defined(__wasm_relaxed_simd__)
    {"relaxed-simd", wasm::trainingTable, wasm::forwardTable, wasm::optimiserTable, always, false},
#elif defined(__wasm__)
    {"simd128", wasm::trainingTable, wasm::forwardTable, wasm::optimiserTable, always, false},
#else
    {"baseline", baseline::trainingTable, baseline::forwardTable, baseline::optimiserTable, always, false},
#endif
};

int targetCount() { return int(sizeof targets / sizeof *targets); }
const Target& targetAt(int index) { return targets[index]; }

}  // namespace diffwave
