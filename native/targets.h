// The instruction sets that the kernels are compiled for, and which of them this processor runs.
#pragma once

#include "training.h"

namespace diffwave {

struct Target {
  const char* name;
  const TrainingKernels* training;
  bool (*runs)();
};

/** Best first. */
int targetCount();
const Target& targetAt(int index);

}  // namespace diffwave
