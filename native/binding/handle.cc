#include "handle.h"

#include <pthread.h>

#include <unordered_map>

namespace diffwave {

namespace {

using Handles = std::unordered_map<const void*, Handle*>;

/**
 * All handles of the process by their addresses. Worker threads of Node.js share them. They are never freed, because
 * handles may be collected while the process exits.
 */
Handles* handles = nullptr;
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

struct Lock {
  Lock() { pthread_mutex_lock(&mutex); }
  ~Lock() { pthread_mutex_unlock(&mutex); }
};

}  // namespace

Handle::Handle(Kind kind) : kind_(kind) {
  const Lock lock;
  if (handles == nullptr) handles = new Handles;
  handles->emplace(this, this);
}

Handle::~Handle() {
  const Lock lock;
  handles->erase(this);
}

Handle* Handle::find(const void* address, Kind kind) {
  const Lock lock;
  if (handles == nullptr) return nullptr;
  const auto found = handles->find(address);
  return found != handles->end() && found->second->kind_ == kind ? found->second : nullptr;
}

}  // namespace diffwave
