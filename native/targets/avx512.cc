#define DIFFWAVE_LANES 16
#define DIFFWAVE_TARGET avx512
#include "../kernels/backward.h"

namespace diffwave::avx512 {
const TrainingKernels& kernels() { return trainingKernels(); }
}  // namespace diffwave::avx512
