// One clip, denoised in several passes in bounded memory, without computing anything twice.
//
// A pass is a chain of layers. Each layer lags behind the one before it by its dilation, or, if the dilation is small,
// until a group of four dilations is complete (kernels/residual-layer-winograd.h). It keeps that many rows of its
// input. Positions go through all layers in short advances, so that their rows stay in the caches from layer to layer.
// The result at a position depends on its inputs and its place alone (groups start at multiples of four dilations). So
// no chunk, advance or thread changes a byte.
//
// There are two ways to use several threads. Threads share the time blocks of each layer. Or two threads take half of
// the layers each, the second one advance behind the first. Then a thread mostly reads what it wrote itself, and they
// wait for each other once per advance. But at either end of a call one of them works alone; the one that is ready
// first takes more of the network's end. The faster way is found by measuring (schedule.h).
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "conditioner.h"
#include "windowed-audio.h"

namespace diffwave {

enum class StreamOutcome { done, cancelled };

class Stream {
 public:
  /**
   * @param sinusoids [passes × embedding]
   * @param gains [passes]
   * @param label row of the label table
   *
   * Throws std::bad_alloc.
   */
  Stream(std::shared_ptr<const ForwardWeights> weights, Pool& pool, const float* sinusoids, const float* gains,
         int passes, int label);

  /** Appends mel [bands × frames], unless the mel has ended. `last` means that it ends with them. */
  void pushMel(const float* mel, int64_t frames, bool last) { conditioner_.push(mel, frames, last); }
  bool melEnded() const { return conditioner_.ended(); }
  /** Appends deviations [positions × bins] of a windowed front end's envelope, before the audio of a position. */
  void pushEnvelope(const float* deviations, int64_t positions) { envelope_.push(deviations, positions); }

  /**
   * Feeds `samples` more to a pass, and writes the predictions that have become final.
   *
   * @param prediction room for pending(pass) + samples
   * @param written receives the number of samples written
   */
  StreamOutcome predict(int pass, const float* audio, int64_t samples, bool last, float* prediction, int64_t* written,
                        const std::atomic<bool>* cancelled);

  /** Whether the mel covers `samples` more of a pass, and the pass has not ended. */
  bool accepts(int pass, int64_t samples, bool last) const;
  /** Number of samples of a pass that were fed and have no prediction yet. */
  int64_t pending(int index) const {
    const Pass& pass = passes_[size_t(index)];
    return (pass.received() - pass.written()) * weights_->shape.patch;
  }
  int passes() const { return int(passes_.size()); }
  /** Whether all predictions of all passes have been written. */
  bool ended() const {
    for (const Pass& pass : passes_) {
      if (pass.emitted < pass.length) return false;
    }
    return true;
  }

 private:
  struct Pass {
    Pass(const ForwardWeights& weights, const float* sinusoids, float gain, int label)
        : step(weights, sinusoids, label), gain(gain) {}
    ForwardWeights::Step step;
    float gain;  // factor of f, if the network masks its input
    std::vector<Buffer> memory;
    std::vector<Ring> inputs;  // per layer
    Ring skip;
    Ring audio;  // the audio for the input mask; with a windowed front end, its coefficients
    std::unique_ptr<WindowedAudio> windows;
    std::vector<int64_t> done;  // number of positions that each layer has computed
    int64_t fed = 0, emitted = 0;
    int64_t length = INT64_MAX;
    Schedule schedule{false, 0};  // for the present call

    /** Numbers of positions whose audio was received, and whose predictions were written. */
    int64_t received() const { return windows ? windows->received() : fed; }
    int64_t written() const { return windows ? windows->decoded() : emitted; }
  };

  /** Positions [begin, end) that a layer computes next. */
  struct Range {
    int64_t begin, end;
    bool empty() const { return end <= begin; }
  };
  /** Stands for all workers, who share the time blocks. */
  static constexpr int allWorkers = -1;

  /**
   * One advance of a pass: audio in, some positions of each layer, and the predictions that the advance before has
   * completed.
   */
  struct Advance {
    Range fed;
    std::vector<Range> layers;
    Range emitted;
    /** Whether layers before `secondStage_`, and from there on, have work. */
    bool first, second;
  };

  /** Allocates a pass's rings. @param length number of positions of the clip, or more while it is not known */
  void openPass(Pass& pass, int64_t length);
  Range next(const Pass& pass, int layer, int64_t available) const;
  void plan(const Pass& pass, int64_t count);
  void feed(Pass& pass, const float* audio, int worker);
  /** Inputs of the first projection of one time block: X, or X divided by the envelope, and logarithms. */
  ConstRing encode(Pass& pass, const RowsTask& block, float* scratch);
  void runLayer(Pass& pass, int layer, int worker, const std::atomic<bool>* cancelled);
  void releaseMel();
  void finish(const Pass& pass, float* prediction, int block, int worker);
  /** Computes the pieces of audio of one time block from its rows of the output projection. */
  void decode(const Pass& pass, const RowsTask& block, float* scratch);
  void runAdvance(Pass& pass, const float* audio, float* prediction, const std::atomic<bool>* cancelled);
  /** Runs `count` tasks on one worker, or on all. */
  template <class Body>
  void share(int64_t count, int worker, const Body& body) {
    if (worker == allWorkers) return pool_.forEach(int(count), body);
    for (int task = 0; task < int(count); task++) body(task, worker);
  }

  const std::shared_ptr<const ForwardWeights> weights_;
  Pool& pool_;
  const int secondStage_;  // first layer of the second of two threads; 0 if threads share each layer
  const ScheduleList schedules_, schedulesAlone_;
  const int64_t advancePositions_;  // largest number of positions of a layer per advance
  const int64_t latency_;           // positions by which a pass lags behind the one before
  ConditionerState conditioner_;
  Envelope envelope_;
  std::vector<Pass> passes_;
  std::vector<Buffer> scratch_;  // per worker
  int64_t kernelScratch_;        // number of its floats that the kernels use
  Advance advance_{};
};

}  // namespace diffwave
