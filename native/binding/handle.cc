#include "handle.h"

#include <unordered_map>

#include "../lock.h"

namespace diffwave {

namespace {

using Handles = std::unordered_map<const void*, Handle*>;

/**
 * All handles of the process by their addresses. Worker threads of Node.js share them. They are never freed, because
 * handles may be collected while the process exits.
 */
struct Registry {
  Mutex mutex;
  Handles handles;
};
Registry& registry() {
  static Registry& all = *new Registry;
  return all;
}

}  // namespace

Handle::Handle(Kind kind) : kind_(kind) {
  const Lock lock(registry().mutex);
  registry().handles.emplace(this, this);
}

Handle::~Handle() {
  const Lock lock(registry().mutex);
  registry().handles.erase(this);
}

Handle* Handle::find(const void* address, Kind kind) {
  const Lock lock(registry().mutex);
  const auto found = registry().handles.find(address);
  return found != registry().handles.end() && found->second->kind_ == kind ? found->second : nullptr;
}

}  // namespace diffwave
