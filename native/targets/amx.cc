// x86-64 with AVX-512 and AMX. Matrix products run on AMX tiles of bfloat16, everything else as on AVX-512.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC's own headers of intrinsics (bug 105593)
#endif
#define DIFFWAVE_TARGET amx
#define DIFFWAVE_LANES 16
#define DIFFWAVE_AMX
#include "target.h"
