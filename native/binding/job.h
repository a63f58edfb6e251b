// A piece of work that runs off the event loop, one at a time per engine.
//
// A job reads and writes the memory of typed arrays while JavaScript runs on. The arrays and handles that a call has
// read stay alive until its job has ended. JavaScript could still detach or resize an array meanwhile. So the caller
// (src/engines/native/) passes only arrays that it made itself and shows to nobody before the job has ended. Arrays of
// the package's users are copied first.
#pragma once

#include <atomic>
#include <memory>
#include <new>
#include <stdexcept>
#include <vector>

#include "engine.h"
#include "js.h"
#include "running-jobs.h"

namespace diffwave {

/** Results of a job whose work was not done: its promise resolves to one of them. `constants()` has them, too. */
constexpr double resultCancelled = -1, resultOutOfMemory = -2, resultRefused = -3;

/** Runs `work`. Returns its result, or resultOutOfMemory. The engine throws nothing else. */
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
  /** Made before the request is read: reading may look at what the engine's present job writes. */
  explicit Job(Engine* engine) : engine(engine) { require(!engine->busy, "the engine is busy"); }
  virtual ~Job();
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  /** Does the work on a thread of libuv's pool. Returns the number that the promise resolves to. */
  virtual double execute() = 0;
  /** Called from another thread when the thread of JavaScript ends: `execute` should return soon. */
  virtual void stop() const {
    if (cancelled != nullptr) cancelled->store(true);
  }

  /**
   * Queues the work and marks the engine as busy. All values that `js` has read stay alive until the work has ended.
   *
   * @returns the promise of the result
   */
  static napi_value start(const Js& js, std::unique_ptr<Job> job);

  Engine* const engine;
  /** JavaScript sets this byte to stop the work. Null if the work is short, or has several such bytes. */
  std::atomic<bool>* cancelled = nullptr;

 private:
  static void work(napi_env, void* data);
  static void finish(napi_env env, napi_status, void* data);

  napi_env env_ = nullptr;
  RunningJobs* running_ = nullptr;
  double result_ = 0;
  std::vector<napi_ref> kept_;
  napi_deferred promise_ = nullptr;
  napi_async_work handle_ = nullptr;
};

}  // namespace diffwave
