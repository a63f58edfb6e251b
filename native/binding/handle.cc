#include "handle.h"

#include <pthread.h>

namespace diffwave {

namespace {

/** All handles of the process, in a list. Each worker thread of Node.js has handles of its own. */
Handle* newest = nullptr;
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

struct Lock {
  Lock() { pthread_mutex_lock(&mutex); }
  ~Lock() { pthread_mutex_unlock(&mutex); }
};

}  // namespace

Handle::Handle(Kind kind) : kind_(kind) {
  const Lock lock;
  next_ = newest;
  if (newest != nullptr) newest->previous_ = this;
  newest = this;
}

Handle::~Handle() {
  const Lock lock;
  (previous_ == nullptr ? newest : previous_->next_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
}

Handle* Handle::find(const void* address, Kind kind) {
  const Lock lock;
  for (Handle* handle = newest; handle != nullptr; handle = handle->next_) {
    if (handle == address) return handle->kind_ == kind ? handle : nullptr;
  }
  return nullptr;
}

}  // namespace diffwave
