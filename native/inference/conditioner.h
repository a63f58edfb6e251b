// The mel of one clip on its way into the layers: upsampled to positions (the layers project it themselves), or
// encoded and projected at the frame rate. Rows are cached for the passes behind the first one. A row that was
// dropped from the cache is computed again, with the same result; the frames it is computed from stay until all
// passes are beyond them.
#pragma once

#include <vector>

#include "../pool.h"
#include "weights.h"

namespace diffwave {

/** Positions that the first pass may be ahead by the chunk it was fed. src/engines/native/constants.ts knows it. */
constexpr int64_t maxChunkPositions = 13824;

/** Consecutive rows of floats that grow at the end and are dropped at the beginning. */
class RowWindow {
 public:
  void open(int stride) { stride_ = stride; }
  /** Appends `count` rows of zeros. */
  void append(int64_t count);
  /** Drops rows before `first`: now or later, so that each row is moved once on average. */
  void dropBefore(int64_t first);

  float* row(int64_t index) { return rows_.data() + (index - first_) * stride_; }
  const float* row(int64_t index) const { return rows_.data() + (index - first_) * stride_; }
  /** The rows as a ring that never wraps; row `first()` of the window is row 0 of the ring. */
  Ring ring() const { return {const_cast<float*>(rows_.data()), INT64_MAX, stride_}; }
  int64_t first() const { return first_; }
  int64_t end() const { return end_; }

 private:
  std::vector<float> rows_;
  int stride_ = 0;
  int64_t first_ = 0, end_ = 0;
};

class ConditionerState {
 public:
  /**
   * @param passes how many passes will run over the clip
   * @param latency positions by which a pass lags behind the one before
   * @param block positions requested at a time, at most
   */
  ConditionerState(const ForwardWeights& weights, Pool& pool, int passes, int64_t latency, int64_t block);

  /** Appends frames, mel [bands × frames]; `last`: the clip ends with them. */
  void push(const float* mel, int64_t frames, bool last);

  /** Positions whose conditioning no later frame can change. */
  int64_t ready() const;
  int64_t frames() const { return mel_.end(); }

  /**
   * Caches what `source` of these positions needs. @returns whether it is cached: then `source` only reads, so that
   * several threads may call it
   */
  bool cache(int layer, int64_t begin, int64_t end);
  /** Fills in the task's fields of conditioning for positions [begin, end). */
  void source(int layer, int64_t begin, int64_t end, LayerTask& task);

  /** No layer of any pass will request a position before this one again: frees frames that only those needed. */
  void release(int64_t position);

  /** The widest row that the kernels are called with. */
  static int widestRow(const ForwardWeights& weights);

 private:
  /** The newest rows of one rate, [begin, end), in a ring. */
  struct RowCache {
    Buffer memory;
    Ring ring;
    int64_t begin = 0, end = 0;
    /** @param margin floats after the last row that may be read */
    void open(int64_t capacity, int stride, int margin);
    bool covers(int64_t from) const { return from >= begin; }
    /** Makes room, so that rows up to `newEnd` may be written. */
    void extend(int64_t newEnd);
  };

  /** Frames [begin, end) around positions [begin, end). */
  struct Frames {
    int64_t begin, end;
  };
  Frames framesOf(int64_t begin, int64_t end) const;
  /** The frame that holds to the clip's end; past all others while more may come. */
  int64_t lastFrame() const { return ended_ ? frames() - 1 : INT64_MAX - 1; }
  /** What the projections at the frame rate read: the encoder's last rows, or the mel's. */
  const RowWindow& encodedRows() const { return encoded_.empty() ? mel_ : encoded_.back(); }
  /** Rows [first, last] that an upsampling stage reads for its output rows [first, last], the input being endless. */
  static Frames upsampleInput(int stride, int64_t first, int64_t last);
  Ring upsampled(int layer, int64_t begin, int64_t end);
  void upsampleRows(int layer, int64_t begin, int64_t end, const Ring& into);
  void upsampleBlock(const ParameterOffset* offsets, int64_t begin, int64_t end, const Ring& into, int worker);
  void project(int layer, int64_t begin, int64_t end, const Ring& into);
  void encode();
  void encodeRow(int stage, const RowWindow& input, int64_t row, std::vector<float>& gathered);

  const ForwardWeights& weights_;
  Pool& pool_;
  const int64_t block_;
  int melStride_ = 0;
  bool ended_ = false;
  RowWindow mel_;                      // rows of bands, between margins if they are upsampled
  std::vector<RowWindow> encoded_;     // per encoder stage: rows of its channels, in whole vectors
  RowCache shared_;                    // the upsampled mel, if all layers share it
  std::vector<RowCache> projections_;  // per layer, at the frame rate
  Buffer recomputed_;                  // rows that were dropped from their cache, or that only one layer needs
  std::vector<Buffer> scratch_;        // per worker
};

}  // namespace diffwave
