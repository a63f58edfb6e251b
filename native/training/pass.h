// One part of a batch on its way through training: the layout of its working memory, and the steps in their order.
// training-pass.cc holds both, training-weights.cc the packing of the weights, training-stack.cc the residual stack,
// training-conditioning.cc the step embedding and the mel.
#pragma once

#include <vector>

#include "training.h"

namespace diffwave {

/** Channels rounded up to what every kernel takes whole. */
inline int64_t columnsOf(int64_t channels) { return roundedUp(channels, 16); }

/** What a pass keeps of each layer: its input, or its input and its gate. */
enum class Keep { inputs, gates };

/** Hands out pieces of one block of memory; with a null block it only counts. */
class Arena {
 public:
  explicit Arena(float* block) : block_(block) {}
  float* take(int64_t floats) {
    float* at = block_ == nullptr ? nullptr : block_ + used_;
    used_ += (floats + 15) / 16 * 16;
    return at;
  }
  size_t bytes() const { return size_t(used_) * sizeof(float); }

 private:
  float* block_;
  int64_t used_ = 0;
};

/** Position-major activations of all clips. */
struct Rows {
  float* data = nullptr;
  ptrdiff_t stride = 0;
};

struct TrainingTask {
  const NetworkShape& shape;
  const ParameterOffsets& places;
  Pool& pool;
  const TrainingKernels& kernels;
  const float* parameters;
  float* gradients;  // added to
  const std::atomic<bool>* cancelled;
  bool squared;
  int64_t samples;  // of the whole batch: what the mean divides by
};

class TrainingPass {
 public:
  using Clip = TrainingBatch::Clip;

  /** Lays the memory out; with a null block only to learn `bytes`. */
  TrainingPass(const NetworkShape& shape, int threads, const TrainingKernels& kernels, const Clip* clips, int count,
               Keep keep, float* block);

  size_t bytes() const { return bytes_; }

  /** Adds to the task's gradients; clipLosses[count] = each clip's own mean. @returns false when cancelled */
  bool run(const TrainingTask& task, double* lossSum, float* clipLosses);

  /** The two halves of `run` where the caller computes the loss: ε to the clips' `noise`; then back from their `target`. */
  bool runForward(const TrainingTask& task);
  bool runBackward(const TrainingTask& task);

 private:
  struct Tile {
    int clip;
    int64_t start;
    int count;
  };
  /** Fours of one clip: four number i has positions 4·d·⌊i/d⌋ + i mod d + {0, 1, 2, 3}·d. */
  struct WinogradTile {
    int clip;
    int64_t first;
    int blocks;
    int64_t row;  // of its 4·blocks rows among those of all tiles
  };
  /** All positions in fours, for one dilation. */
  struct WinogradTiling {
    int64_t dilation;
    std::vector<WinogradTile> tiles;
    std::vector<int> groupStart;  // [groups + 1] first tile
    int64_t rows;
  };
  /** Where the rows of a tile lie: position of each, or −1 past the clip's end. */
  struct WinogradRows {
    int count;
    int64_t position[4 * maxTileBlocks];
  };
  /** A worker's own memory. */
  struct Scratch {
    float *narrow, *wide;                // 6 planes of points, rows of columns and of 2·columns
    float *gated, *dGated, *dSkip, *dx;  // tile rows of columns; gated: columns + 16
    float *halves, *out;                 // tile rows of 2·columns
    float *mel, *dMel;                   // tile rows of bands
    float* dPoints;                      // [6 × C × 2·columns]
  };
  /** The groups' partial sums of one layer, in rows of `width` columns each. */
  struct PartialLayout {
    int64_t dilated, output, conditioner, sums, size;
  };

  float* row(const Rows& rows, int64_t clip, int64_t position) const {
    return rows.data + (firstPosition_[size_t(clip)] + position) * rows.stride;
  }
  Rows takeRows(Arena& arena, int64_t stride) const {
    return {arena.take(firstPosition_.back() * stride), ptrdiff_t(stride)};
  }
  void clearFrameGuards(float* frames, int64_t stride) const;
  int64_t frameRow(int64_t clip, int64_t frame) const { return firstFrame_[size_t(clip)] + frame + clip + 1; }
  const WinogradTiling& tilingOf(int layer) const { return tilings_[size_t(layer % shape_.dilationCycle)]; }
  WinogradTiling tileIntoBlocks(int64_t dilation) const;
  bool cancelled() const { return task_->cancelled != nullptr && task_->cancelled->load(std::memory_order_relaxed); }
  /** Runs `body(tile, tile's number, group, worker)` over all tiles, a group a task. */
  template <class Body>
  void forEachGroup(const Body& body);
  /** The same over a layer's fours, then `end(group, worker)` after each group; and `more` further tasks. */
  template <class Body, class End, class More>
  void forEachWinogradGroup(const WinogradTiling& blocks, const Body& body, const End& end, int more,
                            const More& extra);

  /** Packs element(k, n), k < steps, n < columns, into panels; the steps are those of `segments` equally long segments. */
  template <class Element>
  void pack(Direction direction, float* to, int64_t steps, int64_t columns, const Element& element,
            int segments = 1) const;
  /** Floats of room that panels take. */
  int64_t packedSize(Direction direction, int64_t steps, int64_t columns, int segments = 1) const {
    const int64_t numbers = roundedUp(columns, kernels_.width) * roundedUp(steps / segments, kernels_.depth) * segments;
    return direction == Direction::forward ? numbers * kernels_.forwardBytes / 4 : numbers;
  }

  bool forward();
  bool backward();

  // training-weights.cc
  void packLayer(int layer);
  void packEnds();

  // training-stack.cc
  WinogradRows rowsOf(const WinogradTile& tile, int64_t dilation) const;
  /** Pointers to the tile's rows of an activation; null past the end. */
  void pointers(float** to, const Rows& rows, const WinogradTile& tile, const WinogradRows& at) const;
  /** Copies `width` floats of each row, zeros past the end. */
  void gather(float* to, const Rows& rows, const WinogradTile& tile, const WinogradRows& at, int64_t width) const;
  /** Bᵀ of a tile's fours of an activation. */
  void inputTransform(float* planes, int64_t width, const Rows& rows, const WinogradTile& tile, int64_t dilation) const;
  void inputForward();
  /** The gate's halves of one tile, activated, and their product. */
  void gates(int layer, const WinogradTile& tile, const WinogradRows& at, const Scratch& scratch, float* halves);
  /** Sums go through the residual stack backwards: to what goes into the gate, and on to the layer's input. */
  void gateBackward(int layer);
  void convolutionBackward(int layer);
  void layerForward(int layer);
  /** The end of the network for one tile, but for a mask: `hidden` [count × columns] after ReLU, `output` [count × columnsOf(outputs)]. */
  void outputTile(const Tile& tile, float* hidden, float* output);
  void outputForward();
  /** From the task's loss to the gradient of the skips; without a place for the loss, from the clips' gradients. */
  void outputForwardBackward(double* lossSum, float* clipLosses);
  void layerBackward(int layer);
  void reduceLayer(int layer);
  void inputBackward();

  // training-conditioning.cc
  void layoutConditioning(Arena& arena);
  void packConditioning();
  void embeddingForward();
  void embeddingBackward();
  void melForward();
  void melBackward();
  /** Upsampled mels of all clips at the positions [P × bands], and the gradients back to their kernels. */
  void upsampleForward(const ParameterOffset* places);
  void upsampleBackward(const ParameterOffset* places);
  void foldMelGradient(int layer, int firstFrame, int lastFrame);

  const NetworkShape& shape_;
  const Clip* clips_;
  const int count_;
  const TrainingKernels& kernels_;
  const Keep keep_;
  const TrainingTask* task_ = nullptr;
  size_t bytes_ = 0;

  const int64_t C_, columns_;                        // channels, and rounded up
  std::vector<int64_t> firstPosition_, firstFrame_;  // [clips + 1]
  std::vector<int64_t> positions_;                   // [clips]
  std::vector<Tile> tiles_;
  std::vector<int> groupStart_;  // [groups + 1] first tile

  // Activations.
  std::vector<Rows> y_;                  // per layer, with its step embedding added
  std::vector<float*> halves_;           // per layer [rows of its fours × 2·columns], or empty: computed again
  Rows skip_;                            // Σ skips, then their mean; later the gradient each skip gets
  Rows dx_;                              // gradient of a layer's residual sum before the layer below
  Rows dSums_;                           // gradient of what goes into the gate
  float* zeros_ = nullptr;               // a row past the clips' ends
  std::vector<WinogradTiling> tilings_;  // by dilation
  std::vector<float*> scratch_;          // per worker
  std::vector<Scratch> tileScratch_;     // the same memory, for tiles of fours
  float* partial_ = nullptr;             // [groups × partial.size]
  PartialLayout partialLayout_{};
  float* tileSums_ = nullptr;  // [tiles × columns]
  std::vector<double> tileLosses_;

  // Packed weights.
  struct LayerWeights {
    float *dilated, *dy;  // a panel set for each of the six points
    float *output, *dGated, *bias, *outputBias;
    float *conditioner, *dConditioner;
  };
  std::vector<LayerWeights> weights_;
  float *inputWeight_, *inputBias_, *skipWeight_, *skipBias_, *outputWeight_, *outputBias_, *dHidden_, *dSkip_;
  float* skipBiasGradient_;  // [columns]: the same for every layer

  // The step embedding: per clip, in plain floats.
  std::vector<float> embedded1_, embedded2_, silu1_, embedding_;  // [clips × hidden]
  float *steps_, *dSteps_;                                        // [layers × clips × columns]

  // The mel: frame rows have one row of zeros before, between and after the clips.
  int64_t frameRows_ = 0;
  std::vector<float*> frames_;  // mel, then each encoder's result [frameRows × columnsOf(channels)]
  std::vector<int64_t> frameChannels_;
  std::vector<float*> dFrames_;  // their gradients
  std::vector<float*> encoderWeight_, encoderBias_, dEncoder_, dEncoderWeight_;
  float *projected_ = nullptr, *dProjected_ = nullptr;  // [layers × frameRows × 2·columns]
  float* conditionerGradient_ = nullptr;                // [layers × channels × 2·columns]
  Rows melRows_, dMelRows_;                             // transposed: [P × columnsOf(bands)]
};

template <class Body>
void TrainingPass::forEachGroup(const Body& body) {
  task_->pool.forEach(int(groupStart_.size()) - 1, [&](int group, int worker) {
    if (cancelled()) return;
    for (int t = groupStart_[size_t(group)]; t < groupStart_[size_t(group) + 1]; t++) {
      body(tiles_[size_t(t)], t, group, worker);
    }
  });
}

template <class Body, class End, class More>
void TrainingPass::forEachWinogradGroup(const WinogradTiling& blocks, const Body& body, const End& end, int more,
                                        const More& extra) {
  const int groups = int(blocks.groupStart.size()) - 1;
  task_->pool.forEach(groups + more, [&](int task, int worker) {
    if (cancelled()) return;
    if (task >= groups) return extra(task - groups, worker);
    for (int t = blocks.groupStart[size_t(task)]; t < blocks.groupStart[size_t(task) + 1]; t++) {
      body(blocks.tiles[size_t(t)], t, task, worker);
    }
    end(task, worker);
  });
}

template <class Element>
void TrainingPass::pack(Direction direction, float* to, int64_t steps, int64_t columns, const Element& element,
                        int segments) const {
  const int64_t own = steps / segments, padded = roundedUp(own, kernels_.depth);
  float* at = to;
  for (int64_t first = 0; first < columns; first += kernels_.width) {
    for (int64_t k = 0; k < padded * segments; k++) {
      const int64_t step = k / padded * own + k % padded;
      for (int64_t n = first; n < first + kernels_.width; n++) {
        *at++ = k % padded < own && n < columns ? element(step, n) : 0.0f;
      }
    }
  }
  if (kernels_.arrange != nullptr) kernels_.arrange(to, padded * segments, columns, direction);
}

}  // namespace diffwave
