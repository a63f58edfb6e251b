#include "targets.h"

namespace diffwave {

#define DIFFWAVE_DECLARE(target)           \
  namespace target {                       \
  const TrainingKernels& trainingTable();       \
  const ForwardKernels& forwardTable();         \
  }

#if defined(__x86_64__)
DIFFWAVE_DECLARE(avx512)
DIFFWAVE_DECLARE(avx2)
DIFFWAVE_DECLARE(avx2x16)
#elif defined(__aarch64__)
DIFFWAVE_DECLARE(neon)
#endif
DIFFWAVE_DECLARE(baseline)

#if defined(__x86_64__)
static bool hasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static bool hasAvx512() { return hasAvx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"); }
#endif
static bool always() { return true; }

static const Target targets[] = {
#if defined(__x86_64__)
    {"avx512", avx512::trainingTable, avx512::forwardTable, hasAvx512, false},
    {"avx2", avx2::trainingTable, avx2::forwardTable, hasAvx2, false},
    {"avx2x16", avx2x16::trainingTable, avx2x16::forwardTable, hasAvx2, true},
#elif defined(__aarch64__)
    {"neon", neon::trainingTable, neon::forwardTable, always, false},
#endif
    {"baseline", baseline::trainingTable, baseline::forwardTable, always, false},
};

int targetCount() { return int(sizeof targets / sizeof *targets); }
const Target& targetAt(int index) { return targets[index]; }

}  // namespace diffwave
