// Compiled with AVX-512 and BF16 for x86-64 (src/engines/native/build.ts). Elsewhere it has no kernels.
#include "emulated-amx.h"

#if defined(__AVX512BF16__)

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC's own headers of intrinsics (bug 105593)
#endif
#include "emulated-tiles.h"

#define DIFFWAVE_TARGET emulated
#define DIFFWAVE_LANES 16
#define DIFFWAVE_AMX
#include "../targets/target.h"

diffwave::EmulatedAmx diffwave::emulatedAmx() {
  return {[] { return &emulated::forwardTable(); }, [] { return &emulated::fastTable(); }};
}

#else

diffwave::EmulatedAmx diffwave::emulatedAmx() { return {nullptr, nullptr}; }

#endif
