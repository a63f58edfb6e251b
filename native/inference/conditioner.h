// The mel of one clip on its way into the layers, kept for as long as passes behind the first may need it: upsampled to
// positions (layers project it on their way) or encoded and projected at the rate of frames. What was dropped is computed
// again, with the same result.
#pragma once

#include <vector>

#include "weights.h"
#include "../pool.h"

namespace diffwave {

/** Positions that the first pass may be ahead by the chunk it was fed. src/engines/native/constants.ts knows it. */
constexpr int64_t maxChunkPositions = 13824;

class ConditionerState {
 public:
  /**
   * @param passes how many passes will run over the clip
   * @param latency positions by which a pass lags behind the one before
   * @param block positions asked for at a time, at most
   */
  ConditionerState(const ForwardWeights& weights, Pool& pool, int passes, int64_t latency, int64_t block);

  /** Appends frames, mel [bands × frames]; `last`: the clip ends with them. */
  void push(const float* mel, int64_t frames, bool last);

  /** Positions whose conditioning is settled. */
  int64_t ready() const;
  int64_t frames() const { return frames_; }

  /** Whether `source` of these positions then only reads, so that several threads may ask: what it needs was kept. */
  bool keep(int layer, int64_t begin, int64_t end);
  /** What a layer needs to know of the mel for positions [begin, end). Fills the task's fields of conditioning. */
  void source(int layer, int64_t begin, int64_t end, LayerTask& task);

  /** Widest row the kernels are handed. */
  static int widestRow(const ForwardWeights& weights);

 private:
  /** Rows [begin, end) kept in a ring, at one rate. */
  struct Kept {
    Buffer memory;
    Ring ring;
    int64_t begin = 0, end = 0;
    void open(int64_t capacity, int stride);
    /** Makes room so that rows up to `newEnd` may be written; false: [from, …) lies before what is kept. */
    bool reaches(int64_t from) const { return from >= begin; }
    void extend(int64_t newEnd);
  };

  /** Frames [begin, end) between which positions [begin, end) lie. */
  struct Frames {
    int64_t begin, end;
  };
  Frames framesOf(int64_t begin, int64_t end) const;
  /** The frame that holds on to the end; past all others while more may come. */
  int64_t lastFrame() const { return ended_ ? frames_ - 1 : INT64_MAX - 1; }
  Ring upsampled(int layer, int64_t begin, int64_t end);
  Ring encodedRows() const;
  void upsampleRows(int layer, int64_t begin, int64_t end, const Ring& into);
  void upsampleTile(const ParameterOffset* places, int64_t begin, int64_t end, const Ring& into, int worker);
  void project(int layer, int64_t begin, int64_t end, const Ring& input, const Ring& into);
  void encode();

  const ForwardWeights& weights_;
  Pool& pool_;
  const int64_t block_;
  int melStride_ = 0;
  int64_t frames_ = 0;
  bool ended_ = false;
  std::vector<float> mel_;                    // rows of melStride_ with margins (transposed), or of bands (frame rate)
  std::vector<std::vector<float>> encoded_;   // a stage: rows of its channels, in whole vectors
  std::vector<int64_t> encodedRows_;
  Kept shared_;                   // the upsampled mel, where all layers share it
  std::vector<Kept> projections_;  // a layer, at the rate of frames
  Buffer again_;                  // what is computed again, or for one layer alone
  std::vector<Buffer> scratch_;   // a worker
};

}  // namespace diffwave
