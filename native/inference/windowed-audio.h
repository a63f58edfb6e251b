// The windowed front end of a clip's passes (native/windows.h): audio as windows that the network's first product
// reads, pieces of audio that its last one writes, and the envelope.
#pragma once

#include <vector>

#include "../windows.h"
#include "conditioner.h"
#include "weights.h"

namespace diffwave {

/** The deviations that the mel implies, and their logarithms as the network reads them; common to all passes. */
class Envelope {
 public:
  explicit Envelope(const WindowsShape& shape) : bins_(shape.bins) { rows_.open(2 * bins_); }

  /** Appends deviations [positions × bins]. */
  void push(const float* deviations, int64_t positions);
  /** No pass will read a position before this one again. */
  void release(int64_t position) { rows_.dropBefore(position); }

  /** Positions pushed so far. */
  int64_t end() const { return rows_.end(); }
  /** [bins] of a position: E, and (ln E + 6) / 3. */
  const float* deviations(int64_t position) const { return rows_.row(position); }
  const float* logarithms(int64_t position) const { return rows_.row(position) + bins_; }

 private:
  const int bins_;
  RowWindow rows_;
};

/** One pass: its audio until every window over it was read, and its pieces until no more is added to their samples. */
class WindowedAudio {
 public:
  /** @param capacity positions that have a piece at a time, at most. Throws std::bad_alloc. */
  WindowedAudio(const ForwardWeights& weights, int64_t capacity);

  /** Appends whole positions; `last`: what follows is zero. */
  void receive(const float* audio, int64_t samples, bool last);
  /** Positions whose whole audio was received, and those of them whose window is complete, too. */
  int64_t received() const { return received_; }
  int64_t complete() const { return complete_; }
  /** Row p − first of the ring: the window of position p. Positions up to `complete()`. */
  Ring windows(int64_t first) const {
    return {const_cast<float*>(samples_.data()) + (first * shape_.stride - start_), INT64_MAX, shape_.stride};
  }
  /** No window before that of this position will be read again. */
  void release(int64_t position);

  /** Row p of the ring: where the piece of position p goes, K numbers. */
  const Ring& pieces() const { return pieces_; }
  /**
   * Adds up the samples that have become final.
   *
   * @param made positions that have a piece
   * @param length positions of the clip, or more while it is not known
   * @param to room for the samples of positions decoded() … made − 1
   * @returns how many samples were written
   */
  int64_t decode(int64_t made, int64_t length, float* to);
  /** Positions whose samples were written. */
  int64_t decoded() const { return decoded_; }

 private:
  const WindowsShape shape_;
  const OverlapAdd overlapAdd_;
  std::vector<float> samples_;  // from sample `start_` + D on, counted from D before the clip
  int64_t start_ = 0;
  int64_t received_ = 0, complete_ = 0, decoded_ = 0;
  Buffer memory_;
  Ring pieces_;
};

}  // namespace diffwave
