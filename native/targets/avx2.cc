// x86-64 with AVX2 and fused multiply-add, eight lanes.
#define DIFFWAVE_TARGET avx2
#define DIFFWAVE_LANES 8
#include "target.h"
