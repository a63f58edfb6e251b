#include "schedule.h"

#include "../kernels/tasks.h"
#include "../winograd.h"

namespace diffwave {

namespace {
/** A number of positions that is whole time blocks, and whole groups of every layer with Winograd blocks. */
constexpr int64_t unit = 3 * winogradOutputs * winogradMaxDilation;
static_assert(unit % timeBlockPositions == 0 && unit % (winogradOutputs * winogradBlocksPerTask) == 0,
              "an advance is whole time blocks");
}  // namespace

// A thread's share of an advance should stay in its second-level cache. With fewer advances, threads wait for each
// other less often, and weights are read less often. Two stages wait for each other only once per advance. The numbers
// of positions were measured (docs/log/forward-pass.md).
ScheduleList::ScheduleList(int threads, bool stageable) : items{{false, 4 * unit}, {}}, count(1) {
  constexpr int manyThreads = 8;  // beyond, an advance grows with their number
  if (threads == 1 || (threads == 2 && stageable)) {
    items[1] = {threads == 2, 2 * unit};
    count = 2;
  } else if (threads > manyThreads) {
    items[0].positions = unit * int64_t(threads) / 2;
  }
}

ScheduleTimes::Times& ScheduleTimes::timesOf(bool alone, int64_t positions) {
  int length = 0;
  while (length + 1 < lengths && positions >> (length + 1) > 0) length++;
  return times_[alone ? 1 : 0][length];
}

int ScheduleTimes::choose(const ScheduleList& schedules, bool alone, int64_t positions) {
  if (schedules.count == 1) return 0;
  const Lock lock(mutex_);
  const Times& times = timesOf(alone, positions);
  if (times.count[0] < trials || times.count[1] < trials) return times.count[0] <= times.count[1] ? 0 : 1;
  return times.fewest[0] <= times.fewest[1] ? 0 : 1;
}

void ScheduleTimes::record(int schedule, bool alone, int64_t positions, double seconds) {
  const Lock lock(mutex_);
  Times& times = timesOf(alone, positions);
  if (times.count[schedule]++ == 0 || seconds < times.fewest[schedule]) times.fewest[schedule] = seconds;
  if (times.count[schedule] > trials) times.count[schedule] = trials;
}

}  // namespace diffwave
