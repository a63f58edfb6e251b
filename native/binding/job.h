// A piece of work that runs off the event loop, one at a time per engine.
//
// A job reads and writes the memory of typed arrays while JavaScript goes on. JavaScript could detach or resize such
// an array meanwhile. So the caller (src/engines/native/) hands over only arrays that it made itself and shows to
// nobody before the job has ended; arrays of the package's users are copied first.
#pragma once

#include <atomic>
#include <initializer_list>
#include <memory>
#include <new>
#include <stdexcept>
#include <vector>

#include "engine.h"
#include "js.h"

namespace diffwave {

/** What a job's promise resolves to if the work was not done. JavaScript reads them from `constants()`. */
constexpr double resultCancelled = -1, resultOutOfMemory = -2, resultRefused = -3;

/** What `work` returns, or resultOutOfMemory. */
template <class Work>
double resultOf(const Work& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {  // a std::vector beyond its largest size
  }
  return resultOutOfMemory;
}

class Job {
 public:
  explicit Job(Engine* engine) : engine(engine) {}
  /** Lets go of the values that were kept. */
  virtual ~Job();
  /** Does the work on a thread of libuv's pool. @returns what the promise resolves to */
  virtual double execute() = 0;

  /**
   * Queues the work and marks the engine as busy.
   *
   * @param kept JavaScript values that stay alive until the work has ended
   * @returns the promise of the result
   */
  static napi_value start(const Js& js, std::unique_ptr<Job> job, std::initializer_list<napi_value> kept);

  Engine* const engine;
  /** JavaScript sets this byte to stop the work. */
  const std::atomic<bool>* cancelled = nullptr;

 private:
  static void work(napi_env, void* data);
  static void finish(napi_env env, napi_status, void* data);

  napi_env env_ = nullptr;
  double result_ = 0;
  std::vector<napi_ref> kept_;
  napi_deferred promise_ = nullptr;
  napi_async_work handle_ = nullptr;
};

}  // namespace diffwave
