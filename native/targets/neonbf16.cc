// arm64 with products of bfloat16 (FEAT_BF16), four lanes. It has the layers of `precision: 'fast'`.
#define DIFFWAVE_TARGET neonbf16
#define DIFFWAVE_LANES 4
#define DIFFWAVE_BF16
#include "target.h"
