// One part of a batch on its way through training: the layout of its working memory, and the steps in their order.
// training.cc holds the residual stack, training-conditioning.cc the step embedding and the mel.
#pragma once

#include <vector>

#include "training.h"

namespace diffwave {

/** Channels rounded up to what every kernel takes whole. */
inline int64_t columnsOf(int64_t channels) { return (channels + 15) / 16 * 16; }

/** What a pass keeps of each layer: nothing (ε alone is wanted), its input, or its input and its gate. */
enum class Keep { nothing, inputs, gates };

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

/** Position-major activations of all clips, with `guard` rows of zeros before, between and after them. */
struct Rows {
  float* data = nullptr;
  ptrdiff_t stride = 0;
  int64_t guard = 0;
};

struct TrainingTask {
  const NetworkShape& shape;
  const ParameterPlaces& places;
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
  TrainingPass(const NetworkShape& shape, int threads, int panelWidth, const Clip* clips, int count, Keep keep, float* block);

  size_t bytes() const { return bytes_; }

  /** Adds to the task's gradients; clipLosses[count] = each clip's own mean. @returns false when cancelled */
  bool run(const TrainingTask& task, double* lossSum, float* clipLosses);

  /** Writes each clip's noise. @returns false when cancelled */
  bool predict(const TrainingTask& task);

 private:
  struct Tile {
    int clip;
    int64_t start;
    int count;
  };
  /** The groups' partial sums of one layer, in rows of `width` columns each. */
  struct PartialLayout {
    int64_t dilated, output, conditioner, sums, size;
  };

  float* row(const Rows& rows, int64_t clip, int64_t position) const {
    return rows.data + (firstPosition_[size_t(clip)] + position + (clip + 1) * rows.guard) * rows.stride;
  }
  int64_t rowCount(int64_t guard) const { return firstPosition_.back() + (count_ + 1) * guard; }
  Rows takeRows(Arena& arena, int64_t stride, int64_t guard) const {
    return {arena.take(rowCount(guard) * stride), ptrdiff_t(stride), guard};
  }
  void clearGuards(const Rows& rows) const;
  void clearFrameGuards(float* frames, int64_t stride) const;
  int64_t frameRow(int64_t clip, int64_t frame) const { return firstFrame_[size_t(clip)] + frame + clip + 1; }
  bool cancelled() const { return task_->cancelled != nullptr && task_->cancelled->load(std::memory_order_relaxed); }
  /** Runs `body(tile, tile's number, group, worker)` over all tiles, a group a task, then `more` further tasks. */
  template <class Body, class More>
  void forEachGroup(const Body& body, int more, const More& extra);
  template <class Body>
  void forEachGroup(const Body& body) {
    forEachGroup(body, 0, [](int, int) {});
  }

  /** Packs element(k, n), k < steps, n < columns, into panels. */
  template <class Element>
  void pack(float* to, int64_t steps, int64_t columns, const Element& element) const;
  int64_t packedSize(int64_t steps, int64_t columns) const {
    return (columns + panelWidth_ - 1) / panelWidth_ * panelWidth_ * steps;
  }

  void packLayer(int layer);
  void packEnds();
  bool forward();
  void inputForward();
  /** The gate's halves of one tile, activated, and their product. */
  void gates(int layer, const Tile& tile, float* halves, float* gated);
  void layerForward(int layer);
  /** The end of the network for one tile: `hidden` [count × columns] after ReLU, `noise` [count × columnsOf(patch)]. */
  void outputTile(const Tile& tile, float* hidden, float* noise);
  void outputForward();
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
  void upsampleForward(const Place* places);
  void upsampleBackward(const Place* places);
  void foldMelGradient(int layer, int firstFrame, int lastFrame);

  const NetworkShape& shape_;
  const Clip* clips_;
  const int count_;
  const int panelWidth_;
  const Keep keep_;
  const TrainingTask* task_ = nullptr;
  size_t bytes_ = 0;

  const int64_t C_, columns_;       // channels, and rounded up
  std::vector<int64_t> firstPosition_, firstFrame_;  // [clips + 1]
  std::vector<int64_t> positions_;  // [clips]
  std::vector<Tile> tiles_;
  std::vector<int> groupStart_;     // [groups + 1] first tile

  // Activations.
  std::vector<Rows> y_;             // per layer, with its step embedding added; guard = its dilation
  std::vector<Rows> halves_;        // per layer [2·columns], or empty: computed again
  Rows skip_;                       // Σ skips; later the gradient each skip gets
  Rows dx_;                         // gradient of a layer's residual sum before the layer below
  Rows dSums_;                      // gradient of what goes into the gate; guard = largest dilation
  std::vector<float*> scratch_;     // per worker
  int64_t scratchSize_ = 0;
  float* partial_ = nullptr;        // [groups × partial.size]
  PartialLayout partialLayout_{};
  float* tileSums_ = nullptr;       // [tiles × columns]
  std::vector<double> tileLosses_;

  // Packed weights.
  struct LayerWeights {
    float *dilated, *output, *dGated, *dy, *bias, *outputBias;
    float *conditioner, *dConditioner;
  };
  std::vector<LayerWeights> weights_;
  float *inputWeight_, *inputBias_, *skipWeight_, *skipBias_, *outputWeight_, *outputBias_, *dHidden_, *dSkip_;
  float* skipBiasGradient_;         // [columns]: the same for every layer

  // The step embedding: per clip, in plain floats.
  std::vector<float> embedded1_, embedded2_, silu1_, embedding_;  // [clips × hidden]
  float *steps_, *dSteps_;          // [layers × clips × columns]

  // The mel: frame rows have one row of zeros before, between and after the clips.
  int64_t frameRows_ = 0;
  std::vector<float*> frames_;      // mel, then each encoder's result [frameRows × columnsOf(channels)]
  std::vector<int64_t> frameChannels_;
  std::vector<float*> dFrames_;     // their gradients
  std::vector<float*> encoderWeight_, encoderBias_, dEncoder_, dEncoderWeight_;
  float *projected_ = nullptr, *dProjected_ = nullptr;  // [layers × frameRows × 2·columns]
  float* conditionerGradient_ = nullptr;                // [layers × channels × 2·columns]
  Rows melRows_, dMelRows_;         // transposed: [P × columnsOf(bands)]
};

template <class Body, class More>
void TrainingPass::forEachGroup(const Body& body, int more, const More& extra) {
  const int groups = int(groupStart_.size()) - 1;
  task_->pool.forEach(groups + more, [&](int task, int worker) {
    if (cancelled()) return;
    if (task >= groups) return extra(task - groups, worker);
    for (int t = groupStart_[size_t(task)]; t < groupStart_[size_t(task) + 1]; t++) {
      body(tiles_[size_t(t)], t, task, worker);
    }
  });
}

template <class Element>
void TrainingPass::pack(float* to, int64_t steps, int64_t columns, const Element& element) const {
  for (int64_t first = 0; first < columns; first += panelWidth_) {
    for (int64_t k = 0; k < steps; k++) {
      for (int64_t n = first; n < first + panelWidth_; n++) *to++ = n < columns ? element(k, n) : 0.0f;
    }
  }
}

}  // namespace diffwave
