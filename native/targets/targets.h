// The instruction sets that the kernels are compiled for, and which of them this processor can run.
#pragma once

#include "../kernels/frame-tasks.h"
#include "../kernels/optimiser-tasks.h"
#include "../kernels/tasks.h"
#include "../kernels/training-tasks.h"

namespace diffwave {

struct Target {
  const char* name;
  /** Functions, not tables: no code of a target may run before `runs` has returned true. */
  const TrainingKernels& (*training)();
  const ForwardKernels& (*forward)();
  const OptimiserKernels& (*optimiser)();
  const FrameKernels& (*frames)();
  bool (*runs)();
  /** The forward kernels of `precision: 'fast'`, or null if the set or the processor has no products of bfloat16. */
  const ForwardKernels* (*fast)();
  /** Not listed, but can be requested by name: for tests. */
  bool hidden;
};

/** Best first. */
int targetCount();
const Target& targetAt(int index);

}  // namespace diffwave
