// One clip, denoised in several passes in bounded memory, without computing anything twice.
//
// A pass is a chain of layers. Each lags behind the one before by its dilation, or, where the dilation is small, until a group
// of four dilations is whole (kernels/quad-layer.h), and keeps as many rows of its input; positions go through all layers in
// blocks, so that a block's rows stay in the caches from layer to layer. A position's result depends on its inputs and its
// place alone (groups stand at multiples of four dilations), so neither chunks nor blocks nor threads change a byte.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "conditioner.h"

namespace diffwave {

enum class StreamOutcome { done, cancelled };

class Stream {
 public:
  /** @param sinusoids [passes × embedding]; @param label row of the label table. Throws std::bad_alloc. */
  Stream(std::shared_ptr<const ForwardWeights> weights, Pool& pool, const float* sinusoids, int passes, int label);

  void pushMel(const float* mel, int64_t frames, bool last) { conditioner_.push(mel, frames, last); }

  /**
   * Feeds a pass `samples` more and writes the ε that has become final.
   *
   * @param noise room for waiting(pass) + samples
   * @param written how many samples of ε were written
   */
  StreamOutcome predict(int pass, const float* audio, int64_t samples, bool last, float* noise, int64_t* written,
                        const std::atomic<bool>* cancelled);

  /** Whether the mel covers `samples` more of a pass, and the pass has not ended. */
  bool accepts(int pass, int64_t samples, bool last) const;
  /** Samples of a pass that were fed and have no ε yet. */
  int64_t waiting(int pass) const {
    return (passes_[size_t(pass)].fed - passes_[size_t(pass)].given) * weights_->shape.patch;
  }
  int passes() const { return int(passes_.size()); }

 private:
  struct Pass {
    Pass(const ForwardWeights& weights, const float* sinusoids, int label) : step(weights, sinusoids, label) {}
    ForwardWeights::Step step;
    std::vector<Buffer> memory;
    std::vector<Ring> inputs;   // a layer's input
    Ring skip;
    Ring audio;                 // as it was fed, where a mask takes it
    std::vector<int64_t> done;  // positions each layer has given
    int64_t fed = 0, given = 0;
    int64_t length = INT64_MAX;
  };

  void openPass(Pass& pass);
  void feed(Pass& pass, const float* audio, int64_t count);
  bool runLayers(Pass& pass, const std::atomic<bool>* cancelled);
  void finish(Pass& pass, float* noise);

  const std::shared_ptr<const ForwardWeights> weights_;
  Pool& pool_;
  const int64_t block_;
  const int64_t latency_;  // positions
  ConditionerState conditioner_;
  std::vector<Pass> passes_;
  std::vector<Buffer> scratch_;  // a worker
};

}  // namespace diffwave
