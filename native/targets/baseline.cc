// Runs on every processor, with four lanes. Without a fused instruction, multiply and add round separately.
#define DIFFWAVE_TARGET baseline
#define DIFFWAVE_LANES 4
#include "target.h"
