// The engine behind a JavaScript handle: one network on one instruction set.
#pragma once

#include <atomic>
#include <memory>

#include "../inference/weights.h"
#include "../pool.h"
#include "../targets/targets.h"
#include "../training/training.h"
#include "js.h"

namespace diffwave {

struct Engine : Handle {
  Engine() : Handle(Kind::engine), id(nextId()) {}

  /**
   * No other engine of the process has it. Streams know their engine by it: they may outlive it, and its address may
   * then be another's.
   */
  const uint64_t id;
  NetworkShape shape;
  int64_t parameterCount = 0;
  const Target* target = nullptr;           // null: the readable reference
  const ForwardKernels* forward = nullptr;  // of the target, at the precision that was asked for
  std::unique_ptr<Pool> pool;
  std::unique_ptr<Training> training;
  std::shared_ptr<const ForwardWeights> weights;  // packed from the parameters of `version`
  int64_t version = -1;
  bool busy = false;

 private:
  static uint64_t nextId() {
    static std::atomic<uint64_t> last{0};
    return ++last;
  }
};

Engine* engineOf(const Js& js, napi_value handle);

}  // namespace diffwave
