// The windowed front end of a clip's passes (native/windows.h): audio as windows that the network's first product
// reads, pieces of audio that its last product writes, and the envelope.
#pragma once

#include <vector>

#include "../windows.h"
#include "row-window.h"
#include "weights.h"

namespace diffwave {

/** The deviations that the mel implies, and their logarithms as the network reads them. All passes share them. */
class Envelope {
 public:
  explicit Envelope(const WindowsShape& shape) : bins_(shape.bins) { rows_.open(2 * bins_); }

  /** Appends deviations [positions × bins]. */
  void push(const float* deviations, int64_t positions);
  /** Frees the rows before this position. No pass will read them again. */
  void release(int64_t position) { rows_.dropBefore(position); }

  /** Number of positions pushed so far. */
  int64_t end() const { return rows_.end(); }
  /** Rows of a position [bins]: E, and (ln E + 6) / 3. */
  const float* deviations(int64_t position) const { return rows_.row(position); }
  const float* logarithms(int64_t position) const { return rows_.row(position) + bins_; }

 private:
  const int bins_;
  RowWindow rows_;
};

/** One pass: its audio until all windows over it were read, and its pieces until their samples are complete. */
class WindowedAudio {
 public:
  /** @param capacity largest number of positions that have a piece at a time. Throws std::bad_alloc. */
  WindowedAudio(const ForwardWeights& weights, int64_t capacity);

  /** Appends whole positions. `last` means that only zeros follow. */
  void receive(const float* audio, int64_t samples, bool last);
  /** Number of positions whose audio was received, and of those whose window is complete, too. */
  int64_t received() const { return received_; }
  int64_t complete() const { return complete_; }
  /** The windows of positions up to `complete()`. Row p − first of the ring is the window of position p. */
  ConstRing windows(int64_t first) const {
    return {samples_.data() + (first * shape_.stride - start_), INT64_MAX, shape_.stride};
  }
  /** Frees the audio before the window of this position. It will not be read again. */
  void release(int64_t position);

  /** Room for pieces. Row p of the ring is the piece of position p [K]. */
  const Ring& pieces() const { return pieces_; }
  /**
   * Adds up the samples that have become final.
   *
   * @param made number of positions that have a piece
   * @param length number of positions of the clip, or more while it is not known
   * @param to room for the samples of positions decoded() … made − 1
   * @returns the number of samples written
   */
  int64_t decode(int64_t made, int64_t length, float* to);
  /** Number of positions whose samples were written. */
  int64_t decoded() const { return decoded_; }

 private:
  const WindowsShape shape_;
  const OverlapAdd overlapAdd_;
  std::vector<float> samples_;  // from sample `start_` on, counted from D samples before the clip
  int64_t start_ = 0;
  int64_t received_ = 0, complete_ = 0, decoded_ = 0;
  Buffer memory_;
  Ring pieces_;
};

}  // namespace diffwave
