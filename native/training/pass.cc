#include "pass.h"

namespace diffwave {

TrainingPass::TrainingPass(const NetworkShape& shape, int threads, const TrainingKernels& kernels,
                           const TrainingBatch::Clip* clips, int count, Checkpointing checkpointing, float* block)
    : layout_(shape, clips, count, kernels),
      arena_(block),
      weights_(layout_, kernels, arena_),
      windows_(layout_, weights_, arena_),
      mel_(layout_, weights_, arena_),
      steps_(layout_, arena_),
      stack_(layout_, weights_, windows_, mel_, steps_, checkpointing, threads, arena_),
      bytes_(arena_.bytes()) {}

bool TrainingPass::forward(const TrainingCall& call) {
  weights_.pack(call);
  steps_.forward(call);
  mel_.forward(call);
  stack_.forward(call);
  return !call.cancelled();
}

bool TrainingPass::backward(const TrainingCall& call) {
  stack_.backward(call);
  if (call.cancelled()) return false;
  mel_.backward(call);
  steps_.backward(call);
  return !call.cancelled();
}

bool TrainingPass::run(const TrainingCall& call, double* lossSum, float* clipLosses) {
  if (!forward(call)) return false;
  *lossSum = stack_.lossBackward(call, clipLosses);
  return backward(call);
}

bool TrainingPass::runForward(const TrainingCall& call) {
  if (!forward(call)) return false;
  stack_.predict(call);
  return !call.cancelled();
}

bool TrainingPass::runBackward(const TrainingCall& call) {
  stack_.predictionBackward(call);
  return backward(call);
}

}  // namespace diffwave
