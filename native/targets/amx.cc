// x86-64 with AVX-512 and AMX. Matrix products run on AMX tiles of bfloat16, everything else as on AVX-512.
#define DIFFWAVE_TARGET amx
#define DIFFWAVE_LANES 16
#define DIFFWAVE_AMX
#include "target.h"
