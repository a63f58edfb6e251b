// Sixteen lanes as on AVX-512, made of pairs of AVX2 registers: tests that source on processors without AVX-512.
#define DIFFWAVE_TARGET avx2x16
#define DIFFWAVE_LANES 16
#include "target.h"
