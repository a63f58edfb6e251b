#define DIFFWAVE_LANES 4
#define DIFFWAVE_TARGET neon
#include "../kernels/backward.h"

namespace diffwave::neon {
const TrainingKernels& kernels() { return trainingKernels(); }
}  // namespace diffwave::neon
