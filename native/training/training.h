// Loss and gradients of a batch. The backward pass is written out by hand on the matrix products of the kernels.
// native/reference/ is the plain version that it is tested against.
//
// A batch runs layer by layer. Dilated convolutions run in Winograd blocks (native/winograd.h). A layer is cut into
// tiles of up to `maxTileBlocks` blocks, and the network's ends into time blocks of `trainingBlockPositions`
// consecutive positions. Consecutive tiles form at most `trainingGroups` groups. A group is one task of the pool, with
// its own partial sums of the weight gradients. Groups are added up in order. Tiles and groups depend on the batch
// alone, so the result is the same for any number of threads.
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

/** One batch. The arrays belong to the caller, who has checked their shapes. */
struct TrainingBatch {
  struct Clip {
    const float* audio;   // [samples]
    const float* target;  // [samples] what to predict, or ∂loss/∂prediction; null if only the prediction is needed
    const float* weight;  // [samples], or null for ones
    const float* sinusoids;  // [embedding]
    const float* mel;        // [bands × frames], or null
    int64_t samples;         // a multiple of the samples per position
    int64_t frames;
    int label;                          // −1 for no label
    int64_t melOffset = 0;              // samples from the first frame's start to the audio's: whole frames
    float* prediction = nullptr;        // [samples] receives the prediction, or null
    float gain = 1;                     // factor of f, if the network masks its input
    const float* deviations = nullptr;  // [positions × bins], if the windowed front end has an envelope
  };
  const Clip* clips;
  int count;
  bool squared;  // whether the loss takes squares, not absolute values
};

/**
 * What is stored of each layer for the backward pass: its input and its gate, or its input alone. Then the gate is
 * computed again.
 */
enum class Checkpointing { storeGates, recomputeGates };

enum class TrainingOutcome { done, cancelled, outOfMemory };

class TrainingPass;
struct TrainingCall;

/** Computes losses and gradients of one network. Keeps its working memory between calls. */
class Training {
 public:
  /**
   * @param memoryLimit bytes of working memory. A batch that needs more runs in several parts of consecutive clips. A
   *   clip that needs more by itself runs without stored gates, whose recomputation takes a quarter more time. If it
   *   still needs more, it is refused. Sums round differently if the limit splits a batch.
   */
  Training(const NetworkShape& shape, Pool& pool, const TrainingKernels& kernels, uint64_t memoryLimit);
  ~Training();
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  /**
   * Computes the loss, the mean over all samples of weight · |prediction − target| or its square. clipLosses [count]
   * receives each clip's own mean. `gradients` is overwritten and laid out as the parameters.
   */
  TrainingOutcome lossGradients(const float* parameters, const TrainingBatch& batch, float* gradients, double* loss,
                                float* clipLosses, const std::atomic<bool>* cancelled);

  /**
   * The first half of `lossGradients`, for losses that the caller computes: writes each clip's `prediction`. The
   * activations are kept until the next call. The batch must fit the memory in one part.
   */
  TrainingOutcome forward(const float* parameters, const TrainingBatch& batch, const std::atomic<bool>* cancelled);

  /** The second half, for the same parameters and batch. The `target` of each clip is ∂loss/∂prediction. */
  TrainingOutcome backward(const float* parameters, const TrainingBatch& batch, float* gradients,
                           const std::atomic<bool>* cancelled);

  /** Whether this is the batch that `forward` has just finished. */
  bool awaits(const TrainingBatch& batch) const;

  /**
   * Bytes of one part of a batch. With P positions of all clips, C channels and L layers, nearly all of them are
   * 4 · P · (L · C + 6 · C) for the layers' inputs, and 4 · P · L · 2C more if gates are stored.
   */
  uint64_t memory(const TrainingBatch::Clip* clips, int count, Checkpointing checkpointing) const;

 private:
  bool reserve(uint64_t bytes);
  /** Makes a pass over the clips of one part. It stores its gates if they fit. Null if the memory is too small. */
  std::unique_ptr<TrainingPass> prepare(const TrainingBatch::Clip* clips, int count);

  TrainingCall callOf(const ParameterOffsets& offsets, const float* parameters, float* gradients, bool squared,
                      int64_t samples, const std::atomic<bool>* cancelled);

  /** The batch between `forward` and `backward`. */
  std::unique_ptr<TrainingPass> pass_;
  std::vector<TrainingBatch::Clip> clips_;

  const NetworkShape shape_;
  /** The windows' matrices, unless they are learned. The first batch makes them: other engines do without. */
  std::unique_ptr<const FourierWindows<float>> fourier_;
  Pool& pool_;
  const TrainingKernels& kernels_;
  const uint64_t limit_;
  Buffer memory_;
};

}  // namespace diffwave
