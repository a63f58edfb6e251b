// Loss and gradients of a batch: the backward pass written out by hand on the matrix products of the kernels, and
// tested against reference/reference.cc.
//
// A batch runs layer by layer. The dilated convolutions run in Winograd blocks (native/winograd.h): a layer's tile is
// up to `maxTileBlocks` of them, a time block at the network's ends `trainingBlockPositions` consecutive positions.
// Consecutive tiles make at most `trainingGroups` groups. A group is one task of the pool, with its own partial sums
// of the weight gradients; groups are added up in order. Tiles and groups depend on the batch alone, so the result is
// the same for any number of threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "../kernels/training-tasks.h"
#include "../memory.h"
#include "../network.h"
#include "../pool.h"
#include "../windows.h"

namespace diffwave {

/** One batch. Arrays are the caller's; shapes were checked before. */
struct TrainingBatch {
  struct Clip {
    const float* audio;   // [samples]
    const float* target;  // [samples]: what to predict, or ∂loss/∂prediction; null if only the prediction is needed
    const float* weight;  // [samples], or null for 1
    const float* sinusoids;  // [embedding]
    const float* mel;        // [bands × frames], or null
    int64_t samples;         // a multiple of those per position
    int64_t frames;
    int label;                          // −1: none
    int64_t melOffset = 0;              // samples from the first frame's start to the audio's: whole frames
    float* prediction = nullptr;        // [samples]: receives the prediction, or null
    float gain = 1;                     // of f, if the network masks its input
    const float* deviations = nullptr;  // [positions × bins], behind windows with an envelope
  };
  const Clip* clips;
  int count;
  bool squared;  // the loss: squares, or absolute values
};

enum class TrainingOutcome { done, cancelled, outOfMemory };

class TrainingPass;
struct TrainingCall;

/** Computes losses and gradients of one network; keeps its working memory between calls. */
class Training {
 public:
  /**
   * @param memoryLimit bytes of working memory. A batch that needs more runs in several parts of consecutive clips.
   *   A clip that needs more by itself runs without its gates stored (recomputing them takes a quarter more time); one
   *   that still needs more is refused. If the limit splits a batch, sums round differently.
   */
  Training(const NetworkShape& shape, Pool& pool, const TrainingKernels& kernels, uint64_t memoryLimit);
  ~Training();
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  /**
   * loss = mean over all samples of weight · |prediction − target| (or its square), clipLosses[count] = each clip's
   * own mean, gradients (overwritten) laid out as the parameters.
   */
  TrainingOutcome lossGradients(const float* parameters, const TrainingBatch& batch, float* gradients, double* loss,
                                float* clipLosses, const std::atomic<bool>* cancelled);

  /**
   * The first half of `lossGradients`, for losses that the caller computes: writes each clip's `prediction`. The
   * activations are kept until the next call. A batch must fit the memory in one part.
   */
  TrainingOutcome forward(const float* parameters, const TrainingBatch& batch, const std::atomic<bool>* cancelled);

  /** The second half, for the same parameters and batch, with ∂loss/∂prediction of each clip as its `target`. */
  TrainingOutcome backward(const float* parameters, const TrainingBatch& batch, float* gradients,
                           const std::atomic<bool>* cancelled);

  /** Whether this is the batch that `forward` has just run to its end. */
  bool awaits(const TrainingBatch& batch) const;

  /**
   * Bytes that one part of a batch takes. With P positions of all clips, C channels and L layers, nearly all of it is
   * 4 · P · (L · C + 6 · C) for the layers' inputs, and 4 · P · L · 2C more if gates are stored.
   */
  uint64_t memory(const TrainingBatch::Clip* clips, int count, bool storeGates) const;

 private:
  bool reserve(uint64_t bytes);
  /** A pass over the clips of one part, with its gates stored if they fit; null if the memory is too small. */
  std::unique_ptr<TrainingPass> prepare(const TrainingBatch::Clip* clips, int count);

  TrainingCall callOf(const ParameterOffsets& offsets, const float* parameters, float* gradients, bool squared,
                      int64_t samples, const std::atomic<bool>* cancelled);

  /** The batch between `forward` and `backward`. */
  std::unique_ptr<TrainingPass> pass_;
  std::vector<TrainingBatch::Clip> clips_;

  const NetworkShape shape_;
  const FourierWindows<float> fourier_;
  Pool& pool_;
  const TrainingKernels& kernels_;
  const uint64_t limit_;
  Buffer memory_;
};

}  // namespace diffwave
