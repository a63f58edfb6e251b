// A pool of threads that share the tasks of one step at a time. Each worker has a range of consecutive tasks (what it wrote
// in one step it finds in its own cache in the next) and then helps the others with theirs (so a slow core takes fewer).
// Workers spin briefly between steps and then sleep. Which worker runs a task must never change its result.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

namespace diffwave {

class Pool {
 public:
  /** Called with the task's number and the worker's (0 … threads − 1; the caller of `run` is worker 0). */
  using Task = void (*)(void* context, int task, int worker);

  /** @param threads how many work, the caller of `run` included; fewer if the system refuses more. */
  explicit Pool(int threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return threads_; }
  /** The task of `count` that a worker begins with. */
  int firstTask(int worker, int count) const { return static_cast<int>(static_cast<int64_t>(count) * worker / threads_); }

  /** Runs tasks 0 … count − 1 and returns when all are done. One caller at a time. */
  void run(int count, Task task, void* context);

  /** The same for a callable `body(task, worker)`. */
  template <class Body>
  void forEach(int count, const Body& body) {
    run(
        count, [](void* context, int task, int worker) { (*static_cast<const Body*>(context))(task, worker); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  struct Worker {
    Pool* pool;
    int index;
    pthread_t thread;
    alignas(64) std::atomic<int> next;  // of its range
  };
  static constexpr int maxThreads = 256;

  static void* work(void* worker);
  void takeTasks(int worker);
  int rangeStart(int worker) const { return firstTask(worker, count_); }
  bool awaitStep(unsigned seen);

  int threads_ = 1;
  Worker workers_[maxThreads];
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t wake_ = PTHREAD_COND_INITIALIZER;
  pthread_cond_t done_ = PTHREAD_COND_INITIALIZER;
  Task task_ = nullptr;
  void* context_ = nullptr;
  int count_ = 0;
  int sleepers_ = 0;
  bool stopping_ = false;
  alignas(64) std::atomic<unsigned> step_{0};
  alignas(64) std::atomic<int> busy_{0};
  std::atomic<bool> awaited_{false};  // the caller of `run` sleeps
};

}  // namespace diffwave
