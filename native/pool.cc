#include "pool.h"

#include <chrono>
#include <utility>

#ifdef __wasm__
#include "memory-growth.h"
#endif

namespace diffwave {

namespace {
/** Lets this thread reach all memory that the others have allocated. Only WebAssembly needs it (platform/wasm/). */
inline void seeMemory() {
#ifdef __wasm__
  diffwaveSeeGrowth();
#endif
}

/**
 * How long a thread spins before it sleeps: longer than the gap between two layers, and about the cost of waking up.
 */
constexpr std::chrono::microseconds spinTime(60);
/** Number of checks of the condition between two readings of the clock. */
constexpr int spinsPerClockReading = 32;

/** Tells the processor that the thread spins. It then takes less from the core's other thread. */
inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/** Spins until done() is true. Returns false after `spinTime`. */
template <class Done>
bool spinUntil(const Done& done) {
  const auto end = std::chrono::steady_clock::now() + spinTime;
  do {
    for (int i = 0; i < spinsPerClockReading; i++) {
      if (done()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return done();
}
}  // namespace

Pool::Pool(int threads) {
  if (threads > maxThreads) threads = maxThreads;
  for (int i = 1; i < threads; i++) {
    workers_[i].pool = this;
    workers_[i].index = i;
    if (pthread_create(&workers_[i].thread, nullptr, work, &workers_[i]) != 0) break;
    threads_ = i + 1;
  }
}

Pool::~Pool() {
  {
    const Lock lock(mutex_);
    stopping_ = true;
    step_.fetch_add(1, std::memory_order_release);
    wake_.wakeAll();
  }
  for (int i = 1; i < threads_; i++) pthread_join(workers_[i].thread, nullptr);
}

void Pool::takeTasks(int worker) {
  try {
    for (int i = 0; i < threads_; i++) {
      const int owner = (worker + i) % threads_, end = rangeStart(owner + 1);
      for (;;) {
        const int task = workers_[owner].next.fetch_add(1, std::memory_order_relaxed);
        if (task >= end || failed_.load(std::memory_order_relaxed)) break;
        task_(context_, task, worker);
      }
    }
  } catch (...) {
    if (!failed_.exchange(true)) error_ = std::current_exception();
  }
}

void Pool::run(int count, Task task, void* context) {
  if (threads_ > 1 && count > 1 && !alone_) return runOnAll(count, task, context);
  for (int i = 0; i < count; i++) task(context, i, 0);
}

void Pool::runAlone(int count, Task task, void* context) {
  struct Flag {
    bool& set;
    ~Flag() { set = false; }
  } flag{alone_};
  alone_ = true;
  if (threads_ > 1 && count > 1) return runOnAll(count, task, context);
  for (int i = 0; i < count; i++) task(context, i, 0);
}

void Pool::runOnAll(int count, Task task, void* context) {
  task_ = task;
  context_ = context;
  count_ = count;
  for (int i = 0; i < threads_; i++) workers_[i].next.store(rangeStart(i), std::memory_order_relaxed);
  busy_.store(threads_ - 1, std::memory_order_relaxed);
  {
    const Lock lock(mutex_);
    step_.fetch_add(1, std::memory_order_release);
    if (sleepers_ > 0) wake_.wakeAll();
  }
  takeTasks(0);
  awaitWorkers();
  seeMemory();
  if (!failed_.load(std::memory_order_relaxed)) return;
  failed_.store(false, std::memory_order_relaxed);
  std::rethrow_exception(std::exchange(error_, nullptr));
}

/** Waits until no worker can be in a task of this step. */
void Pool::awaitWorkers() {
  if (spinUntil([this] { return busy_.load(std::memory_order_acquire) == 0; })) return;
  Lock lock(mutex_);
  awaited_.store(true);
  while (busy_.load() > 0) done_.wait(lock);
  awaited_.store(false);
}

/** Waits for a step after `seen`. Returns false when the pool stops. */
bool Pool::awaitStep(unsigned seen) {
  if (spinUntil([&] { return step_.load(std::memory_order_acquire) != seen; })) return !stopping_;
  Lock lock(mutex_);
  sleepers_++;
  while (step_.load(std::memory_order_acquire) == seen) wake_.wait(lock);
  sleepers_--;
  return !stopping_;
}

void* Pool::work(void* argument) {
  Worker* worker = static_cast<Worker*>(argument);
  Pool* pool = worker->pool;
  for (unsigned seen = 0; pool->awaitStep(seen);) {
    seen++;
    seeMemory();
    pool->takeTasks(worker->index);
    if (pool->busy_.fetch_sub(1) == 1 && pool->awaited_.load()) {
      const Lock lock(pool->mutex_);
      pool->done_.wakeOne();
    }
  }
  return nullptr;
}

}  // namespace diffwave
