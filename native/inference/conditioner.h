// The mel of one clip on its way into the layers. It is upsampled to positions, and the layers project it themselves;
// or it is encoded, and projected at the frame rate. Rows are cached for the passes behind the first one. A row that
// was dropped from the cache is computed again, with the same result. The frames it is computed from stay until all
// passes are beyond them.
#pragma once

#include <vector>

#include "../pool.h"
#include "row-window.h"
#include "weights.h"

namespace diffwave {

/** Positions by which a call may feed the first pass ahead. src/engines/native/constants.ts has the same number. */
constexpr int64_t maxChunkPositions = 13824;

class ConditionerState {
 public:
  /**
   * @param passes number of passes that will run over the clip
   * @param latency number of positions by which a pass lags behind the one before
   * @param block largest number of positions that are requested at a time
   */
  ConditionerState(const ForwardWeights& weights, Pool& pool, int passes, int64_t latency, int64_t block);

  /** Appends mel [bands × frames], unless it has ended. `last` means that the clip ends with them. */
  void push(const float* mel, int64_t frames, bool last);
  /** Whether the last frames were pushed. Without a mel it is true from the start. */
  bool ended() const { return ended_; }

  /** Number of positions whose conditioning no later frame can change. */
  int64_t ready() const;
  int64_t frames() const { return mel_.end(); }
  /** Number of positions of the whole mel, or INT64_MAX while more frames may come or without a mel. */
  int64_t end() const;

  /**
   * Caches what `source` needs for these positions. Returns whether it is cached. Then `source` only reads, and several
   * threads may call it.
   */
  bool cache(int layer, int64_t begin, int64_t end);
  /** Fills in a task's fields of conditioning for positions [begin, end). */
  void source(int layer, int64_t begin, int64_t end, LayerTask& task);

  /** Frees frames that only positions before this one needed. No layer of any pass will request those again. */
  void release(int64_t position);

  /** Width of the widest row that the kernels are called with. */
  static int widestRow(const ForwardWeights& weights);

 private:
  /** The newest rows of one rate, [begin, end), in a ring. */
  struct RowCache {
    Buffer memory;
    Ring ring;
    int64_t begin = 0, end = 0;
    /**
     * Allocates the ring. It is called for the first rows, because then the clip's length may be known.
     *
     * @param margin number of floats after the last row that may be read
     */
    void open(int64_t capacity, int stride, int margin);
    bool covers(int64_t from) const { return from >= begin; }
    /** Makes room for rows up to `newEnd`. */
    void extend(int64_t newEnd);
  };

  /** A range of frames, [begin, end). */
  struct Frames {
    int64_t begin, end;
  };
  /** Frames that the positions [begin, end) need. */
  Frames framesOf(int64_t begin, int64_t end) const;
  int64_t positionsPerFrame() const { return weights_.shape.hop / weights_.shape.patch; }
  /** The frame that holds to the clip's end. It lies past all others while more may come. */
  int64_t lastFrame() const { return ended_ ? frames() - 1 : INT64_MAX - 1; }
  /** Rows that the projections at the frame rate read: those of the encoder's last stage, or the mel's. */
  const RowWindow& encodedRows() const { return encoded_.empty() ? mel_ : encoded_.back(); }
  /** Rows [first, last] that an upsampling stage reads for its output rows [first, last], if the input were endless. */
  static Frames upsampleInput(int stride, int64_t first, int64_t last);
  /** Rows of a block of positions at the input of each stage, and after the last: first … last of `length`. */
  struct UpsamplerRows {
    int64_t first[NetworkShape::maxStrides + 1], last[NetworkShape::maxStrides + 1];
    int64_t length[NetworkShape::maxStrides + 1];
  };
  UpsamplerRows upsamplerRows(int64_t begin, int64_t end) const;
  Ring upsampled(int layer, int64_t begin, int64_t end);
  bool cacheProjections(int layer, Frames needed);
  bool cacheUpsampled(int64_t begin, int64_t end);
  void upsampleRows(const ParameterOffset* offsets, int64_t begin, int64_t end, const Ring& into);
  void upsampleBlock(const ParameterOffset* offsets, int64_t begin, int64_t end, const Ring& into, int worker);
  void project(int layer, int64_t begin, int64_t end, const Ring& into);
  void encode();
  void encodeRow(int stage, const RowWindow& input, int64_t row, std::vector<float>& gathered);

  const ForwardWeights& weights_;
  Pool& pool_;
  const int64_t block_;
  int melStride_ = 0;
  int64_t cacheCapacity_ = 0;  // largest number of rows of a cache
  bool ended_ = false;
  RowWindow mel_;                      // [frames × bands], between margins if they are upsampled
  std::vector<RowWindow> encoded_;     // per encoder stage [frames × its channels in whole vectors]
  RowCache shared_;                    // the upsampled mel, if all layers share it
  std::vector<RowCache> projections_;  // per layer, at the frame rate
  Buffer recomputed_;                  // rows that were dropped from their cache, or that only one layer needs
  std::vector<Buffer> scratch_;        // per worker
};

}  // namespace diffwave
