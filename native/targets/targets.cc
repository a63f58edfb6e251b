#include "targets.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(DIFFWAVE_WITH_AMX)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace diffwave {

#define DIFFWAVE_DECLARE(target)            \
  namespace target {                        \
  const TrainingKernels& trainingTable();   \
  const ForwardKernels& forwardTable();     \
  const OptimiserKernels& optimiserTable(); \
  const FrameKernels& frameTable();         \
  }

/** Declares the forward kernels of `precision: 'fast'`. */
#define DIFFWAVE_DECLARE_FAST(target) \
  namespace target {                  \
  const ForwardKernels& fastTable();  \
  }

#if defined(DIFFWAVE_WITH_AMX)
DIFFWAVE_DECLARE(amx)
DIFFWAVE_DECLARE_FAST(amx)
#endif
#if defined(__x86_64__)
DIFFWAVE_DECLARE_FAST(avx512bf16)
DIFFWAVE_DECLARE(avx512)
DIFFWAVE_DECLARE(avx2)
#if defined(DIFFWAVE_WITH_AVX2X16)
DIFFWAVE_DECLARE(avx2x16)
#endif
#elif defined(__aarch64__)
DIFFWAVE_DECLARE(neon)
DIFFWAVE_DECLARE_FAST(neonbf16)
#endif
#if defined(__wasm__)
DIFFWAVE_DECLARE(wasm)
#else
DIFFWAVE_DECLARE(baseline)
#endif

#if defined(__x86_64__)
/** The instructions of the kernels that cpuid reports. Not every compiler's library has __builtin_cpu_supports. */
struct Features {
  bool avx2 = false, avx512 = false, avx512bf16 = false, amx = false;
  Features() {
    const auto bit = [](unsigned word, int n) { return (word >> n & 1) != 0; };
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid_count(1, 0, &a, &b, &c, &d) || !bit(c, 27)) return;  // OSXSAVE: xgetbv may be used
    const bool fma = bit(c, 12) && bit(c, 28);
    unsigned saved, high;  // the registers that the system saves when it switches tasks
    asm volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    constexpr unsigned ymm = 0x6, zmm = 0xe6;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
    avx2 = fma && bit(b, 5) && (saved & ymm) == ymm;
    avx512 = avx2 && bit(b, 16) && bit(b, 17) && (saved & zmm) == zmm;  // AVX-512 F and DQ
    amx = bit(d, 22) && bit(d, 24);                                     // AMX with bfloat16, AMX tiles
    const bool allWidths = avx512 && bit(b, 30) && bit(b, 31);          // AVX-512 BW and VL
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) avx512bf16 = allWidths && bit(a, 5);
  }
};
static const Features& features() {
  static const Features found;
  return found;
}
static bool hasAvx2() { return features().avx2; }
static bool hasAvx512() { return features().avx512; }
static const ForwardKernels* fastAvx512() { return features().avx512bf16 ? &avx512bf16::fastTable() : nullptr; }
#endif
#if defined(__aarch64__)
/** Whether the processor has products of bfloat16 (FEAT_BF16), as the system reports. */
static bool hasBf16() {
#if defined(__linux__)
  constexpr unsigned long bf16 = 1ul << 14;  // HWCAP2_BF16
  return (getauxval(AT_HWCAP2) & bf16) != 0;
#elif defined(__APPLE__)
  int has = 0;
  size_t size = sizeof has;
  return sysctlbyname("hw.optional.arm.FEAT_BF16", &has, &size, nullptr, 0) == 0 && has != 0;
#else
  return false;
#endif
}
static const ForwardKernels* fastNeon() { return hasBf16() ? &neonbf16::fastTable() : nullptr; }
#endif
#if defined(DIFFWAVE_WITH_AMX)
/** Whether the processor has AMX with bfloat16, and the system lets this process use it. Linux does so on request. */
static bool hasAmx() {
  if (!features().avx512bf16 || !features().amx) return false;
  constexpr long requestPermission = 0x1023, tileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
}
static const ForwardKernels* fastAmx() { return &amx::fastTable(); }
#endif
static bool always() { return true; }
[[maybe_unused]] static const ForwardKernels* noFast() { return nullptr; }

static const Target targets[] = {
#if defined(DIFFWAVE_WITH_AMX)
    {"amx", amx::trainingTable, amx::forwardTable, amx::optimiserTable, amx::frameTable, hasAmx, fastAmx, false},
#endif
#if defined(__x86_64__)
    {"avx512", avx512::trainingTable, avx512::forwardTable, avx512::optimiserTable, avx512::frameTable, hasAvx512,
     fastAvx512, false},
    {"avx2", avx2::trainingTable, avx2::forwardTable, avx2::optimiserTable, avx2::frameTable, hasAvx2, noFast, false},
#if defined(DIFFWAVE_WITH_AVX2X16)
    {"avx2x16", avx2x16::trainingTable, avx2x16::forwardTable, avx2x16::optimiserTable, avx2x16::frameTable, hasAvx2,
     noFast, true},
#endif
#elif defined(__aarch64__)
    {"neon", neon::trainingTable, neon::forwardTable, neon::optimiserTable, neon::frameTable, always, fastNeon, false},
#endif
#if defined(__wasm_relaxed_simd__)
    {"relaxed-simd", wasm::trainingTable, wasm::forwardTable, nullptr, wasm::frameTable, always, noFast, false},
#elif defined(__wasm__)
    {"simd128", wasm::trainingTable, wasm::forwardTable, nullptr, wasm::frameTable, always, noFast, false},
#else
    {"baseline", baseline::trainingTable, baseline::forwardTable, baseline::optimiserTable, baseline::frameTable,
     always, noFast, false},
#endif
};

int targetCount() { return int(sizeof targets / sizeof *targets); }
const Target& targetAt(int index) { return targets[index]; }

}  // namespace diffwave
