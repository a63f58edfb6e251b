// How threads divide a call's work: in stages of layers, or by the time blocks of each layer; and how many positions of
// a layer they take at a time. The faster way depends on the processor, the network and the length of the call. So it
// is measured while the first calls run. No choice changes a byte.
#pragma once

#include <cstdint>

#include "../lock.h"

namespace diffwave {

struct Schedule {
  bool stages;        // whether two threads take half of the layers each
  int64_t positions;  // largest number of positions of a layer per advance
};

/** The schedules that calls can choose from. */
struct ScheduleList {
  static constexpr int maxCount = 2;
  Schedule items[maxCount];
  int count;

  /** @param stageable whether two threads can divide the layers */
  ScheduleList(int threads, bool stageable);
  int64_t maxPositions() const {
    return count > 1 && items[1].positions > items[0].positions ? items[1].positions : items[0].positions;
  }
};

/** Times of the calls of one network under each schedule. Streams on several threads may ask at the same time. */
class ScheduleTimes {
 public:
  /**
   * Returns the index of the schedule for a call of `positions`. Until all schedules were tried `trials` times it is
   * the one that was tried least, then the fastest.
   *
   * @param alone whether the call runs on one thread. Times on one and on several threads are kept apart.
   */
  int choose(const ScheduleList& schedules, bool alone, int64_t positions);
  /** Records that a call of `positions` took `seconds` per position of a layer. */
  void record(int schedule, bool alone, int64_t positions, double seconds);

 private:
  static constexpr int trials = 2;
  /** Number of classes of lengths. Calls whose lengths have the same integer logarithm to base 2 share their times. */
  static constexpr int lengths = 40;

  struct Times {
    int count[ScheduleList::maxCount];
    double fewest[ScheduleList::maxCount];
  };
  Times& timesOf(bool alone, int64_t positions);

  Mutex mutex_;
  Times times_[2][lengths] = {};
};

}  // namespace diffwave
