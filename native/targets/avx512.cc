// x86-64 with AVX-512, sixteen lanes.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC's own headers of intrinsics (bug 105593)
#endif
#define DIFFWAVE_TARGET avx512
#define DIFFWAVE_LANES 16
#include "target.h"
