// x86-64 with AVX-512, sixteen lanes.
#define DIFFWAVE_TARGET avx512
#define DIFFWAVE_LANES 16
#include "target.h"
