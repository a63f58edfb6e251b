// The residual layers of a pass and the network's two ends, forward and backward.
#pragma once

#include "batch-windows.h"
#include "mel-conditioning.h"
#include "packed-weights.h"
#include "step-embedding.h"

namespace diffwave {

/** Where ∂loss/∂prediction comes from: it is that of the call's own loss, or each clip's `target` holds it. */
enum class PredictionGradient { ofLoss, given };

/** Floats after each row of some arrays. An odd number of cache lines from row to row uses all sets of the cache. */
constexpr int linePad = int(lineFloats);

class ResidualStack {
 public:
  ResidualStack(const BatchLayout& layout, const PackedWeights& weights, BatchWindows& windows, MelConditioning& mel,
                StepEmbedding& steps, Checkpointing checkpointing, int threads, Arena& arena);

  /** Computes the mean of the skips from the audio. */
  void forward(const TrainingCall& call);
  /** Writes each clip's prediction. Runs after `forward`. */
  void predict(const TrainingCall& call);
  /** Computes the gradient of the skips from the call's loss. clipLosses [clips]. Returns the sum of all losses. */
  double lossBackward(const TrainingCall& call, float* clipLosses);
  /** Computes the gradient of the skips from given gradients of the predictions, each clip's `target`. */
  void predictionBackward(const TrainingCall& call) { outputBackward(call, PredictionGradient::given); }
  /** Computes the gradients of all parameters of the stack from that of the skips. */
  void backward(const TrainingCall& call);

 private:
  /** A worker's own memory. */
  struct Scratch {
    float* ends;                         // for a time block: hidden, its gradients, output and masked output
    float *narrow, *wide;                // 6 planes in the transform domain, rows of columns and of 2·columns
    float *gated, *dGated, *dSkip, *dx;  // rows of a tile of columns each; gated: columns + linePad
    float *halves, *out;                 // rows of a tile of 2·columns each
    float *mel, *dMel;                   // rows of a tile of bands each
    float* dTransformed;                 // [6 × C × 2·columns]
  };
  /** Offsets within one group's partial sums of a layer. */
  struct PartialLayout {
    int64_t dilated, output, conditioner, sums, size;
  };

  Scratch takeScratch(Arena& arena) const;
  float* partial(int group) const { return partial_ + group * partialLayout_.size; }
  /** Finds pointers to the tile's rows of an activation, null past the clip's end. */
  void pointers(float** to, const Rows& rows, const WinogradTile& tile, const WinogradRows& at) const;
  /** Copies `width` floats of each row. Rows past the clip's end are zero. */
  void gather(float* to, const Rows& rows, const WinogradTile& tile, const WinogradRows& at, int64_t width) const;
  /** Computes Bᵀ of the tile's blocks of an activation: 6 planes [blocks × width]. */
  void inputTransform(const TrainingCall& call, float* planes, int64_t width, const Rows& rows,
                      const WinogradTile& tile, int64_t dilation) const;
  void inputForward(const TrainingCall& call);
  void inputBackward(const TrainingCall& call);
  void layerForward(const TrainingCall& call, int layer);
  /** Computes the activated halves of the gate of one tile, and their product. */
  void gates(const TrainingCall& call, int layer, const WinogradTile& tile, const WinogradRows& at,
             const Scratch& scratch, float* halves);
  /** Per row of a tile: projections of the frames around its position, and its distance from the first in frames. */
  struct FramesAround {
    const float *low[maxTileRows], *high[maxTileRows];
    float fraction[maxTileRows];
  };
  void findFrames(int layer, const WinogradTile& tile, const WinogradRows& at, FramesAround& to) const;
  void layerBackward(const TrainingCall& call, int layer);
  /**
   * Computes the gradient at the gate's input from those of residual and skip, and partial sums of weight gradients.
   */
  void gateBackward(const TrainingCall& call, int layer);
  void conditionerBackward(const TrainingCall& call, int layer, const WinogradTile& tile, const WinogradRows& at,
                           const Scratch& scratch, float* partial, bool accumulate);
  /** Computes the gradient of the layer's input from that at the gate's input. */
  void convolutionBackward(const TrainingCall& call, int layer);
  /** Adds the groups' partial sums up, in order, and lays them out as the parameters are. */
  void reduceLayer(const TrainingCall& call, int layer);
  void sumGroups(int groups, int64_t from, int64_t count, float* to) const;
  void reduceTaps(const TrainingCall& call, int layer, int64_t first, int64_t end, float* sum) const;
  void reduceOutputRow(const TrainingCall& call, int layer, int64_t row, float* sum) const;
  void reduceMelRow(const TrainingCall& call, int layer, int64_t band, float* sum) const;
  void reduceBiases(const TrainingCall& call, int layer, float* sum) const;
  void reduceSteps(int layer) const;
  /** Computes the network's end for one time block: `hidden` after the ReLU, and `output` before an input mask. */
  void outputBlock(const TrainingCall& call, const TimeBlock& block, float* hidden, float* output);
  void outputBackward(const TrainingCall& call, PredictionGradient source);
  /** Behind windows: computes the predictions of all samples, their loss, and the gradients of all pieces. */
  void windowsLoss(const TrainingCall& call, PredictionGradient source);
  /** Rows that the first projection reads of a time block: audio, or coefficients. */
  Segment inputsOf(const TimeBlock& block) const;
  /** Replaces a time block's outputs by their gradient. Returns the block's loss. */
  double outputGradient(const TrainingCall& call, const TimeBlock& block, float* output, float* masked,
                        PredictionGradient source);
  void reduceOutput(const TrainingCall& call);

  const BatchLayout& layout_;
  const PackedWeights& weights_;
  BatchWindows& windows_;
  MelConditioning& mel_;
  StepEmbedding& steps_;
  const Checkpointing checkpointing_;
  const int64_t C_, columns_;

  std::vector<Rows> y_;           // per layer: its input plus the step embedding
  std::vector<float*> halves_;    // per layer [rows of its tiles × 2·columns], or empty
  Rows skip_;                     // sum of the skips, then their mean, later the gradient of each skip
  Rows dx_;                       // gradient of a layer's residual sum
  Rows dSums_;                    // gradient at the gate's input
  float* zeros_;                  // a row past the clips' ends
  std::vector<Scratch> scratch_;  // per worker
  float* partial_;                // [groups × partialLayout_.size]
  PartialLayout partialLayout_{};
  float* tileSums_;          // [tiles × columns]
  float* skipBiasGradient_;  // [columns], the same for every layer
  std::vector<double> blockLosses_;
};

}  // namespace diffwave
