// The sixteen lanes of AVX-512 on pairs of AVX2 registers: tests that source where AVX-512 is missing.
#define DIFFWAVE_TARGET avx2x16
#define DIFFWAVE_LANES 16
#include "target.h"
