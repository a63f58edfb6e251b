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
   * A number that no other engine of the process has. Streams know their engine by it. An address would not do: a
   * stream may outlive its engine, and another engine may then have the address.
   */
  const uint64_t id;
  NetworkShape shape;
  int64_t parameterCount = 0;
  const Target* target = nullptr;           // null for the readable reference
  const ForwardKernels* forward = nullptr;  // the target's kernels, at the requested precision
  bool winograd = true;                     // see ForwardWeights
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
