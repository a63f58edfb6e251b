// arm64: NEON, four lanes.
#define DIFFWAVE_TARGET neon
#define DIFFWAVE_LANES 4
#include "target.h"
