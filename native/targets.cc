#include "targets.h"

namespace diffwave {

#if defined(__x86_64__)
namespace avx512 {
const TrainingKernels& kernels();
}
namespace avx2 {
const TrainingKernels& kernels();
}
#elif defined(__aarch64__)
namespace neon {
const TrainingKernels& kernels();
}
#endif
namespace baseline {
const TrainingKernels& kernels();
}

static const Target targets[] = {
#if defined(__x86_64__)
    {"avx512", &avx512::kernels(),
     [] { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && true; }},
    {"avx2", &avx2::kernels(), [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && true; }},
#elif defined(__aarch64__)
    {"neon", &neon::kernels(), [] { return true; }},
#endif
    {"baseline", &baseline::kernels(), [] { return true; }},
};

int targetCount() { return int(sizeof targets / sizeof *targets); }
const Target& targetAt(int index) { return targets[index]; }

}  // namespace diffwave
