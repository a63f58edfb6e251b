// One clip, denoised in several passes in bounded memory, without computing anything twice.
//
// A pass is a chain of layers. Each lags behind the one before by its dilation, or, where the dilation is small, until a group
// of four dilations is whole (kernels/quad-layer.h), and keeps as many rows of its input; positions go through all layers in
// blocks, so that a block's rows stay in the caches from layer to layer. A position's result depends on its inputs and its
// place alone (groups stand at multiples of four dilations), so neither chunks nor blocks nor threads change a byte.
//
// Two threads take half of the layers each, the second a block behind the first: what a thread reads it has mostly written
// itself, and they wait for one another once a block; who is ready first takes more of the network's end. More threads share
// the tiles of each layer, and so do two where a whole clip is short: the first would have gone through most of it before the
// second had anything.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "conditioner.h"

namespace diffwave {

enum class StreamOutcome { done, cancelled };

class Stream {
 public:
  /** @param sinusoids [passes × embedding]; @param gains [passes]; @param label row of the label table. Throws std::bad_alloc. */
  Stream(std::shared_ptr<const ForwardWeights> weights, Pool& pool, const float* sinusoids, const float* gains, int passes,
         int label);

  void pushMel(const float* mel, int64_t frames, bool last) { conditioner_.push(mel, frames, last); }

  /**
   * Feeds a pass `samples` more and writes the ε that has become final.
   *
   * @param noise room for pending(pass) + samples
   * @param written how many samples of ε were written
   */
  StreamOutcome predict(int pass, const float* audio, int64_t samples, bool last, float* noise, int64_t* written,
                        const std::atomic<bool>* cancelled);

  /** Whether the mel covers `samples` more of a pass, and the pass has not ended. */
  bool accepts(int pass, int64_t samples, bool last) const;
  /** Samples of a pass that were fed and have no ε yet. */
  int64_t pending(int pass) const {
    return (passes_[size_t(pass)].fed - passes_[size_t(pass)].given) * weights_->shape.patch;
  }
  int passes() const { return int(passes_.size()); }

 private:
  struct Pass {
    Pass(const ForwardWeights& weights, const float* sinusoids, float gain, int label)
        : step(weights, sinusoids, label), gain(gain) {}
    ForwardWeights::Step step;
    float gain;  // of f, where the network masks its input
    std::vector<Buffer> memory;
    std::vector<Ring> inputs;   // a layer's input
    Ring skip;
    Ring audio;                 // as it was fed, where a mask takes it
    std::vector<int64_t> done;  // positions each layer has given
    int64_t fed = 0, given = 0;
    int64_t length = INT64_MAX;
    bool inStages = false;
  };

  /** Positions that a layer takes next. */
  struct Range {
    int64_t begin, end;
    bool empty() const { return end <= begin; }
  };
  /** The worker of a task that all workers share. */
  static constexpr int everyone = -1;

  /** What goes through a pass at a time: audio in, at most a block of each layer, and the ε of what the steps before completed. */
  struct Step {
    Range fed;
    std::vector<Range> layers;
    Range given;
    /** Whether layers before, and from `secondStage_` on, have work. */
    bool first, second;
  };

  /** @param whole the clip's positions, where all of them come at once; else 0 */
  void openPass(Pass& pass, int64_t whole);
  Range next(const Pass& pass, int layer, int64_t available) const;
  void plan(const Pass& pass, int64_t count);
  void feed(Pass& pass, const float* audio, int worker);
  void runLayer(Pass& pass, int layer, int worker, const std::atomic<bool>* cancelled);
  void finish(const Pass& pass, float* noise, int tile, int worker);
  void runStep(Pass& pass, const float* audio, float* noise, const std::atomic<bool>* cancelled);
  /** Tasks of one worker, or of all. */
  template <class Body>
  void share(int64_t count, int worker, const Body& body) {
    if (worker == everyone) return pool_.forEach(int(count), body);
    for (int task = 0; task < int(count); task++) body(task, worker);
  }

  const std::shared_ptr<const ForwardWeights> weights_;
  Pool& pool_;
  const int secondStage_;  // the first layer of the second of two threads; 0: threads share each layer
  const int64_t block_;
  const int64_t latency_;  // positions
  ConditionerState conditioner_;
  std::vector<Pass> passes_;
  std::vector<Buffer> scratch_;  // a worker
  int64_t kernelScratch_;        // floats of it that kernels take
  Step step_{};
};

}  // namespace diffwave
