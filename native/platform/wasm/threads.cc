// POSIX threads for the WebAssembly build, on shared memory. A thread is an instance of the same module in a worker
// that JavaScript started beforehand (src/engines/wasm/). It waits in `diffwaveThread` for a function to run.
// pthread_create gives it one, or fails if all workers are taken, which the pool treats as "no more threads". Without
// workers no function here waits, so the module also runs on memory that is not shared, where waiting is not allowed.
#include <pthread.h>
#include <time.h>

#include <cerrno>
#include <cstdint>

#include "../../memory-growth.h"

namespace {

enum State : uint32_t { idle, started, finished };

/** One waiting worker. */
struct Slot {
  uint32_t state = idle;
  uint32_t taken = 0;
  void* (*function)(void*) = nullptr;
  void* argument = nullptr;
};

constexpr int maxSlots = 256;
Slot slots[maxSlots];
int slotCount;

uint32_t load(uint32_t* word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
void store(uint32_t* word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }
/**
 * Sleeps until a `wake` of the word, unless it has changed already.
 *
 * Never inlined: after a wait, code of V8's baseline compiler finds a 32-bit local of the same function set to zero. It
 * spills the wait's address with 64 bits to a slot of 32, over the neighbour (V8 11.3: Node.js 20, Chrome 113; gone in
 * Node.js 22). Inlined into pthread_mutex_lock, that local is the mutex: the thread went on with the word at address 0.
 */
[[gnu::noinline]] void waitWhile(uint32_t* word, uint32_t value) {
  __builtin_wasm_memory_atomic_wait32(reinterpret_cast<int*>(word), int(value), -1);
}
void wake(uint32_t* word, int threads) { __builtin_wasm_memory_atomic_notify(reinterpret_cast<int*>(word), threads); }

uint32_t* wordOf(pthread_mutex_t* mutex) { return reinterpret_cast<uint32_t*>(mutex); }
uint32_t* wordOf(pthread_cond_t* condition) { return reinterpret_cast<uint32_t*>(condition); }

}  // namespace

extern "C" {

/** Says how many workers wait in `diffwaveThread`, numbered from 0. */
void diffwaveOfferThreads(int count) { slotCount = count < maxSlots ? count : maxSlots; }

/** Runs the functions that pthread_create gives to worker `number`. Does not return. */
void diffwaveThread(int number) {
  Slot& slot = slots[number];
  for (;;) {
    uint32_t state;
    while ((state = load(&slot.state)) != started) waitWhile(&slot.state, state);
    diffwaveSeeGrowth();
    slot.function(slot.argument);
    store(&slot.state, finished);
    wake(&slot.state, 1);
  }
}

int pthread_create(pthread_t* thread, const pthread_attr_t*, void* (*function)(void*), void* argument) {
  for (int i = 0; i < slotCount; i++) {
    Slot& slot = slots[i];
    if (slot.taken) continue;
    slot.taken = 1;
    slot.function = function;
    slot.argument = argument;
    store(&slot.state, started);
    wake(&slot.state, 1);
    *thread = reinterpret_cast<pthread_t>(&slot);
    return 0;
  }
  return EAGAIN;
}

int pthread_join(pthread_t thread, void**) {
  Slot& slot = *reinterpret_cast<Slot*>(thread);
  while (load(&slot.state) != finished) waitWhile(&slot.state, started);
  store(&slot.state, idle);
  slot.taken = 0;
  return 0;
}

// A mutex is one word: 0 free, 1 held, 2 held and somebody may wait (U. Drepper, Futexes Are Tricky).
int pthread_mutex_lock(pthread_mutex_t* mutex) {
  uint32_t* word = wordOf(mutex);
  uint32_t expected = 0;
  if (__atomic_compare_exchange_n(word, &expected, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return 0;
  while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE) != 0) waitWhile(word, 2);
  return 0;
}

int pthread_mutex_unlock(pthread_mutex_t* mutex) {
  uint32_t* word = wordOf(mutex);
  if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) == 2) wake(word, 1);
  return 0;
}

int pthread_mutex_destroy(pthread_mutex_t*) { return 0; }

// A condition is one word that counts its signals: who saw an old count has not missed one.
int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  uint32_t* word = wordOf(condition);
  const uint32_t seen = load(word);
  pthread_mutex_unlock(mutex);
  waitWhile(word, seen);
  return pthread_mutex_lock(mutex);
}

int pthread_cond_signal(pthread_cond_t* condition) {
  __atomic_fetch_add(wordOf(condition), 1, __ATOMIC_RELEASE);
  wake(wordOf(condition), 1);
  return 0;
}

int pthread_cond_broadcast(pthread_cond_t* condition) {
  __atomic_fetch_add(wordOf(condition), 1, __ATOMIC_RELEASE);
  wake(wordOf(condition), INT32_MAX);
  return 0;
}

int pthread_cond_destroy(pthread_cond_t*) { return 0; }

/** Milliseconds, as performance.now(). */
__attribute__((import_module("diffwave"), import_name("now"))) double diffwaveNow();

int clock_gettime(clockid_t, struct timespec* time) {
  const double now = diffwaveNow();
  time->tv_sec = time_t(now / 1000);
  time->tv_nsec = long((now - double(time->tv_sec) * 1000) * 1e6);
  return 0;
}

}  // extern "C"
