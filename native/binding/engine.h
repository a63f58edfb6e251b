// The engine behind a JavaScript handle: one network on one instruction set.
#pragma once

#include <memory>

#include "../inference/weights.h"
#include "../pool.h"
#include "../targets/targets.h"
#include "../training/training.h"
#include "js.h"

namespace diffwave {

struct Engine : Handle {
  Engine() : Handle(Kind::engine) {}

  NetworkShape shape;
  int64_t parameterCount = 0;
  const Target* target = nullptr;           // null: the readable reference
  const ForwardKernels* forward = nullptr;  // of the target, at the precision that was asked for
  std::unique_ptr<Pool> pool;
  std::unique_ptr<Training> training;
  std::shared_ptr<const ForwardWeights> weights;  // packed from the parameters of `version`
  int64_t version = -1;
  bool busy = false;
};

Engine* engineOf(const Js& js, napi_value handle);

}  // namespace diffwave
