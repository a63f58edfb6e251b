// x86-64 with AVX-512 and its products of bfloat16, sixteen lanes. It has the layers of `precision: 'fast'`.
#define DIFFWAVE_TARGET avx512bf16
#define DIFFWAVE_LANES 16
#define DIFFWAVE_BF16
#include "target.h"
