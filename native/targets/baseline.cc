#define DIFFWAVE_LANES 4
#define DIFFWAVE_TARGET baseline
#include "../kernels/backward.h"

namespace diffwave::baseline {
const TrainingKernels& kernels() { return trainingKernels(); }
}  // namespace diffwave::baseline
