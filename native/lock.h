// A mutex that is held while a `Lock` exists, and a condition to wait for. They are those of POSIX, not of the C++
// library, because libc++ for WebAssembly has no threads. platform/wasm/threads.cc implements what is used of POSIX.
#pragma once

#include <pthread.h>

namespace diffwave {

class Mutex {
 public:
  Mutex() = default;
  ~Mutex() { pthread_mutex_destroy(&mutex_); }
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

 private:
  friend class Lock;
  friend class Condition;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
};

/** Holds a mutex from its construction to its destruction. */
class Lock {
 public:
  explicit Lock(Mutex& mutex) : mutex_(mutex) { pthread_mutex_lock(&mutex_.mutex_); }
  ~Lock() { pthread_mutex_unlock(&mutex_.mutex_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  friend class Condition;
  Mutex& mutex_;
};

/** What threads wait for. They may wake up without a signal, so they check what they wait for in a loop. */
class Condition {
 public:
  Condition() = default;
  ~Condition() { pthread_cond_destroy(&condition_); }
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;

  void wait(Lock& lock) { pthread_cond_wait(&condition_, &lock.mutex_.mutex_); }
  void wakeOne() { pthread_cond_signal(&condition_); }
  void wakeAll() { pthread_cond_broadcast(&condition_); }

 private:
  pthread_cond_t condition_ = PTHREAD_COND_INITIALIZER;
};

}  // namespace diffwave
