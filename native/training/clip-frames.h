// A whole clip cut into overlapping frames, and frames added up to a clip again. Frames have L samples and lie H apart.
// Frame f is centred on sample f·H. Samples beyond the ends of the clip are zero.
#pragma once

#include "../kernels/frame-tasks.h"
#include "../matrix.h"
#include "../rounding.h"

namespace diffwave {

class ClipFrames {
 public:
  /** @param frames at least 1 */
  ClipFrames(const FrameTables& tables, const FrameKernels& kernels, int64_t samples, int64_t frames)
      : frames(frames),
        groups(ceilDivide(frames, kernels.lanes)),
        tables_(tables),
        kernels_(kernels),
        samples_(samples),
        margin_(roundedUp(tables.overlap - 1, kernels.lanes)),
        columns_(margin_ + roundedUp(frames + 2 * tables.overlap, kernels.lanes) + kernels.lanes) {}

  const int64_t frames;
  /** Number of groups. A group has as many frames as the kernels have lanes; the last group may have fewer. */
  const int64_t groups;

  int64_t firstFrame(int64_t group) const { return group * kernels_.lanes; }
  int count(int64_t group) const { return int(std::min(int64_t(kernels_.lanes), frames - firstFrame(group))); }

  /** Arranges value(n) of each sample under the frames in blocks [H × columns]. */
  template <class Value>
  Matrix blocks(const Value& value) const {
    Matrix result(tables_.hop, columns_);
    eachSample([&](int64_t n, int64_t block, int64_t h) { result.row(h)[block] = value(n); });
    return result;
  }

  /** Makes room for windowed frames [L × columns]. Frame f lies at `frame(room, f)`. */
  Matrix room() const { return Matrix(tables_.size, columns_); }
  double* frame(const Matrix& room, int64_t f) const { return room.row(0) + margin_ + f; }

  /** Adds windowed frames up, oldest first. Calls put(n, sum) for each sample, with 0 if no frame reaches it. */
  template <class Put>
  void addUp(const Matrix& room, const Put& put) const {
    Matrix sums(tables_.hop, columns_);
    kernels_.overlap({&tables_, 0, frames + tables_.overlap - 1, frame(room, 0), room.stride, nullptr, 0, nullptr, 0,
                      sums.row(0), sums.stride});
    eachSample([&](int64_t n, int64_t block, int64_t h) { put(n, sums.row(h)[block]); });
    for (int64_t n = end(); n < samples_; n++) put(n, 0.0);
  }

 private:
  /** The first sample that no frame reaches. */
  int64_t end() const { return std::min(samples_, (frames - 1) * tables_.hop + tables_.size - tables_.size / 2); }

  /** Calls visit(sample, its block, its place in the block) for all samples that frames reach. */
  template <class Visit>
  void eachSample(const Visit& visit) const {
    const int64_t half = tables_.size / 2;
    int64_t block = half / tables_.hop, h = half % tables_.hop;
    for (int64_t n = 0; n < end(); n++) {
      visit(n, block, h);
      if (++h == tables_.hop) h = 0, block++;
    }
  }

  const FrameTables& tables_;
  const FrameKernels& kernels_;
  const int64_t samples_;
  const int64_t margin_;   // columns of zeros before the first frame
  const int64_t columns_;  // of all matrices
};

}  // namespace diffwave
