// How threads divide a call's work: in stages of layers, or by the time blocks of each layer; and how many positions of
// a layer they take at a time. Which is faster depends on the processor, the network and the length of the call, so it
// is measured while the first calls run. No choice changes a byte.
#pragma once

#include <pthread.h>

#include <cstdint>

namespace diffwave {

struct Schedule {
  bool stages;
  int64_t positions;  // of a layer per advance, at most
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

/** What calls took under each schedule, for one network. Streams on several threads may ask at the same time. */
class ScheduleTimes {
 public:
  ScheduleTimes() = default;
  ~ScheduleTimes() { pthread_mutex_destroy(&mutex_); }
  ScheduleTimes(const ScheduleTimes&) = delete;
  ScheduleTimes& operator=(const ScheduleTimes&) = delete;

  /**
   * The index of the schedule for a call of `positions`: the one that was tried least, until all were tried `trials`
   * times, then the fastest.
   *
   * @param alone whether it runs on one thread; times of calls on one and on several threads are kept apart
   */
  int choose(const ScheduleList& schedules, bool alone, int64_t positions);
  /** A call of `positions` took so many seconds per position of a layer. */
  void record(int schedule, bool alone, int64_t positions, double seconds);

 private:
  static constexpr int trials = 2;
  /** Calls whose lengths have the same whole logarithm to base 2 share their times. */
  static constexpr int lengths = 40;

  struct Times {
    int count[ScheduleList::maxCount];
    double fewest[ScheduleList::maxCount];
  };
  Times& timesOf(bool alone, int64_t positions);

  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  Times times_[2][lengths] = {};
};

}  // namespace diffwave
