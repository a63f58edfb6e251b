// The instruction sets that the kernels are compiled for, and which of them this processor runs.
#pragma once

#include "kernels/tasks.h"
#include "training.h"

namespace diffwave {

struct Target {
  const char* name;
  /** Functions, not tables: nothing of a target may run before `runs` has said yes. */
  const TrainingKernels& (*training)();
  const ForwardKernels& (*forward)();
  bool (*runs)();
  /** Not offered, only to be asked for by name: there for tests. */
  bool hidden;
};

/** Best first. */
int targetCount();
const Target& targetAt(int index);

}  // namespace diffwave
