// The sixteen lanes of AVX-512 on pairs of AVX2 registers, to test that source on processors without AVX-512.
#define DIFFWAVE_TARGET avx2x16
#define DIFFWAVE_LANES 16
#include "target.h"
