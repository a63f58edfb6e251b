// The jobs that read memory of JavaScript in other threads.
#pragma once

#include <node_api.h>

#include <vector>

#include "../lock.h"

namespace diffwave {

class Job;

#ifdef __wasm__

/** There, a job runs within the call that starts it. */
class RunningJobs {
 public:
  static void watch(napi_env) {}
  static RunningJobs* of(napi_env) {
    static RunningJobs none;
    return &none;
  }
  bool add(const Job&) { return true; }
  void remove(const Job&) {}
};

#else

/**
 * The jobs that run for one thread of JavaScript. When that thread ends, its arrays are freed. Node.js waits for the
 * jobs that read them, but Deno does not after an uncaught error. So the addon stops them and waits itself.
 */
class RunningJobs {
 public:
  /** Called when a thread loads the addon: its end then waits for its jobs. */
  static void watch(napi_env env);
  /** The jobs of the calling thread of JavaScript. */
  static RunningJobs* of(napi_env env);

  /** @returns false if the thread of JavaScript has ended: the job must not touch its arrays */
  bool add(const Job& job);
  void remove(const Job& job);

 private:
  void end();

  Mutex mutex_;
  Condition changed_;
  std::vector<const Job*> jobs_;
  bool ended_ = false;
};

#endif

}  // namespace diffwave
