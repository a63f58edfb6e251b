// Runs on every processor: four lanes; multiply and add round separately if there is no fused instruction.
#define DIFFWAVE_TARGET baseline
#define DIFFWAVE_LANES 4
#include "target.h"
