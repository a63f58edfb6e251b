// WebAssembly with 128-bit SIMD, four lanes. Compiled for relaxed SIMD it has fused multiply-add.
#define DIFFWAVE_TARGET wasm
#define DIFFWAVE_LANES 4
#include "target.h"
