// A pool of threads that share the tasks of one step at a time. Each worker starts with its own range of consecutive
// tasks, so that what it wrote in one step is in its own cache in the next. Then it helps the others with theirs, so
// that a slow core takes fewer. Workers spin briefly between steps, then sleep. A task's result must not depend on the
// worker that runs it.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <exception>

#include "lock.h"

namespace diffwave {

/** Threads that run tasks together. One caller at a time may use them. */
class Pool {
 public:
  static constexpr int maxThreads = 256;

  /** Called with the number of the task and of the worker (0 … threads − 1). The caller of `run` is worker 0. */
  using Task = void (*)(void* context, int task, int worker);

  /** @param threads number of workers, the caller of `run` included. There are fewer if the system refuses more. */
  explicit Pool(int threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return threads_; }
  /** Whether the caller runs in a task of `runAlone`. Then what it runs here runs on its own thread. */
  bool alone() const { return alone_; }
  /** The first of `count` tasks in a worker's own range. */
  int firstTask(int worker, int count) const { return int(int64_t(count) * worker / threads_); }

  /**
   * Runs tasks 0 … count − 1 and returns when all are done. One caller at a time. Throws what a task threw first, once
   * no task runs any more; some of the others may not have run then.
   */
  void run(int count, Task task, void* context);

  /**
   * Runs tasks like `run`. If a task runs something on this pool itself, that runs on the task's own thread alone, as
   * worker 0. It is for work on several clips, one thread each.
   */
  void runAlone(int count, Task task, void* context);

  /** `run` for a callable `body(task, worker)`. */
  template <class Body>
  void forEach(int count, const Body& body) {
    run(
        count, [](void* context, int task, int worker) { (*static_cast<const Body*>(context))(task, worker); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

  /** `runAlone` for a callable `body(task)`. */
  template <class Body>
  void forEachAlone(int count, const Body& body) {
    runAlone(
        count, [](void* context, int task, int) { (*static_cast<const Body*>(context))(task); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  struct Worker {
    Pool* pool;
    int index;
    pthread_t thread;
    alignas(64) std::atomic<int> next;  // first task of its range that nobody has taken
  };

  static void* work(void* worker);
  void runOnAll(int count, Task task, void* context);
  void takeTasks(int worker);
  void awaitWorkers();
  int rangeStart(int worker) const { return firstTask(worker, count_); }
  bool awaitStep(unsigned seen);

  int threads_ = 1;
  Worker workers_[maxThreads];
  Mutex mutex_;
  Condition wake_;  // a step has begun, or the pool stops
  Condition done_;  // no worker can be in a task of the step any more
  Task task_ = nullptr;
  void* context_ = nullptr;
  int count_ = 0;
  int sleepers_ = 0;
  bool stopping_ = false;
  bool alone_ = false;        // whether tasks of `runAlone` run: another `run` comes from within one of them
  std::exception_ptr error_;  // exception of the task that failed first
  alignas(64) std::atomic<unsigned> step_{0};
  alignas(64) std::atomic<int> busy_{0};  // number of workers that may still run a task of this step
  std::atomic<bool> awaited_{false};      // whether the caller of `run` sleeps
  std::atomic<bool> failed_{false};
};

}  // namespace diffwave
