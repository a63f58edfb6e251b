// Gives the process's free memory back to the system.
//
// glibc keeps freed blocks in the heap of the thread that took them. Streams run on many threads, so a process that has
// run many of them keeps several times what it uses. Only malloc_trim(3) takes such blocks from all heaps.
#include "entry-points.h"
#include "job.h"

#ifdef __GLIBC__
#include <malloc.h>

namespace diffwave {
namespace {

struct ReleaseJob : Job {
  using Job::Job;
  double execute() override {
    malloc_trim(0);
    return 0;
  }
};

}  // namespace

napi_value releaseFreeMemory(const Js& js, napi_value* arguments) {
  return Job::start(js, std::make_unique<ReleaseJob>(engineOf(js, arguments[0])));
}

}  // namespace diffwave
#endif
