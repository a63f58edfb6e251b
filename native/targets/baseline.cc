// What every processor runs: four lanes, multiply and add rounded apart where there is no fused instruction.
#define DIFFWAVE_TARGET baseline
#define DIFFWAVE_LANES 4
#include "target.h"
