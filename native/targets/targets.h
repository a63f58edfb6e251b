// The instruction sets for which the kernels are compiled, and which of them this processor can run.
#pragma once

#include "../kernels/frame-tasks.h"
#include "../kernels/optimiser-tasks.h"
#include "../kernels/tasks.h"
#include "../kernels/training-tasks.h"

namespace diffwave {

struct Target {
  const char* name;
  /** Functions, not tables, because no code of an instruction set may run before `runs` has returned true. */
  const TrainingKernels& (*training)();
  const ForwardKernels& (*forward)();
  const OptimiserKernels& (*optimiser)();  // null in WebAssembly
  const FrameKernels& (*frames)();
  bool (*runs)();
  /** Returns the forward kernels of `precision: 'fast'`, or null without products of bfloat16. */
  const ForwardKernels* (*fast)();
  /** Whether it is not listed. Tests request such a set by name. */
  bool hidden;
};

/** The instruction sets, best first. */
int targetCount();
const Target& targetAt(int index);

}  // namespace diffwave
