#define DIFFWAVE_LANES 8
#define DIFFWAVE_TARGET avx2
#include "../kernels/backward.h"

namespace diffwave::avx2 {
const TrainingKernels& kernels() { return trainingKernels(); }
}  // namespace diffwave::avx2
