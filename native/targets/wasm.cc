// WebAssembly with 128-bit SIMD, four lanes; fused multiply-add if it is compiled for relaxed SIMD.
#define DIFFWAVE_TARGET wasm
#define DIFFWAVE_LANES 4
#include "target.h"
