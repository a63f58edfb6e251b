// The residual layers of a pass and the network's two ends, forward and backward.
#pragma once

#include "batch-windows.h"
#include "mel-conditioning.h"
#include "packed-weights.h"
#include "step-embedding.h"

namespace diffwave {

/**
 * What is kept of each layer for the backward pass: its input and its gate, or its input only (the gate is
 * recomputed).
 */
enum class Checkpointing { storeGates, recomputeGates };

class ResidualStack {
 public:
  ResidualStack(const BatchLayout& layout, const PackedWeights& weights, BatchWindows& windows, MelConditioning& mel,
                StepEmbedding& steps, Checkpointing checkpointing, int threads, Arena& arena);

  /** From the audio to the mean of the skips. */
  void forward(const TrainingCall& call);
  /** Writes each clip's prediction. */
  void predict(const TrainingCall& call);
  /** From the call's loss to the gradient of the skips. clipLosses [clips]. @returns the sum of all losses */
  double lossBackward(const TrainingCall& call, float* clipLosses);
  /** The same from given gradients of the predictions, each clip's `target`. */
  void predictionBackward(const TrainingCall& call) { outputBackward(call, true); }
  /** From the gradient of the skips to those of all parameters of the stack. */
  void backward(const TrainingCall& call);

 private:
  /** A worker's own memory. */
  struct Scratch {
    float* ends;                         // of a time block: hidden, its gradients, output and masked output
    float *narrow, *wide;                // 6 planes in the transform domain, rows of columns and of 2·columns
    float *gated, *dGated, *dSkip, *dx;  // tile rows of columns; gated: columns + 16
    float *halves, *out;                 // tile rows of 2·columns
    float *mel, *dMel;                   // tile rows of bands
    float* dTransformed;                 // [6 × C × 2·columns]
  };
  /** Offsets of one group's partial sums of a layer. */
  struct PartialLayout {
    int64_t dilated, output, conditioner, sums, size;
  };

  Scratch takeScratch(Arena& arena) const;
  float* partial(int group) const { return partial_ + group * partialLayout_.size; }
  /** Pointers to the tile's rows of an activation; null past the end. */
  void pointers(float** to, const Rows& rows, const WinogradTile& tile, const WinogradRows& at) const;
  /** Copies `width` floats of each row, zeros past the end. */
  void gather(float* to, const Rows& rows, const WinogradTile& tile, const WinogradRows& at, int64_t width) const;
  /** Bᵀ of the tile's blocks of an activation: 6 planes [blocks × width]. */
  void inputTransform(const TrainingCall& call, float* planes, int64_t width, const Rows& rows,
                      const WinogradTile& tile, int64_t dilation) const;
  void inputForward(const TrainingCall& call);
  void inputBackward(const TrainingCall& call);
  void layerForward(const TrainingCall& call, int layer);
  /** The activated halves of the gate of one tile, and their product. */
  void gates(const TrainingCall& call, int layer, const WinogradTile& tile, const WinogradRows& at,
             const Scratch& scratch, float* halves);
  void layerBackward(const TrainingCall& call, int layer);
  /**
   * From the gradients of residual and skip to that at the gate's input, and partial sums of the weights' gradients.
   */
  void gateBackward(const TrainingCall& call, int layer);
  void conditionerBackward(const TrainingCall& call, int layer, const WinogradTile& tile, const WinogradRows& at,
                           const Scratch& scratch, float* partial, bool accumulate);
  /** On to the gradient of the layer's input. */
  void convolutionBackward(const TrainingCall& call, int layer);
  /** Adds up the groups' partial sums, in order, and lays them out as the parameters are. */
  void reduceLayer(const TrainingCall& call, int layer);
  /**
   * The network's end for one time block, before an input mask: `hidden` after ReLU, `output` of columnsOf(outputs).
   */
  void outputBlock(const TrainingCall& call, const TimeBlock& block, float* hidden, float* output);
  void outputBackward(const TrainingCall& call, bool given);
  /** Behind windows, before that: predictions of all samples, their loss, and the gradients of all pieces. */
  void windowsLoss(const TrainingCall& call, bool given);
  /** What the first projection reads of a time block: rows of its audio, or of coefficients. */
  Segment inputsOf(const TimeBlock& block) const;
  /** The gradient of a time block's outputs, in their place. @returns the block's loss */
  double outputGradient(const TrainingCall& call, const TimeBlock& block, float* output, float* masked, bool given);
  void reduceOutput(const TrainingCall& call);

  const BatchLayout& layout_;
  const PackedWeights& weights_;
  BatchWindows& windows_;
  MelConditioning& mel_;
  StepEmbedding& steps_;
  const Checkpointing checkpointing_;
  const int64_t C_, columns_;

  std::vector<Rows> y_;           // per layer: its input with the step embedding added
  std::vector<float*> halves_;    // per layer [rows of its tiles × 2·columns], or empty
  Rows skip_;                     // Σ skips, then their mean; later the gradient that each skip gets
  Rows dx_;                       // gradient of a layer's residual sum, before the layer below
  Rows dSums_;                    // gradient at the gate's input
  float* zeros_;                  // a row past the clips' ends
  std::vector<Scratch> scratch_;  // per worker
  float* partial_;                // [groups × partialLayout_.size]
  PartialLayout partialLayout_{};
  float* tileSums_;          // [tiles × columns]
  float* skipBiasGradient_;  // [columns]: the same for every layer
  std::vector<double> blockLosses_;
};

}  // namespace diffwave
