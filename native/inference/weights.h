// A network's parameters, packed in the order in which the forward kernels read them.
#pragma once

#include <vector>

#include "../kernels/tasks.h"
#include "../memory.h"
#include "../pool.h"
#include "schedule.h"

namespace diffwave {

struct ForwardWeights {
  /**
   * Packs a layer per task of the pool. Parameters that are read later are copied. Throws std::bad_alloc.
   *
   * @param parameters flat
   * @param winograd whether layers of small dilations run in Winograd blocks. These are faster, but a stream waits for
   * the last of a block's four positions
   */
  ForwardWeights(const NetworkShape& shape, const float* parameters, const ForwardKernels& kernels, Pool& pool,
                 bool winograd);

  struct Layer {
    bool winograd;          // runs in Winograd blocks (native/winograd.h)
    Buffer gate, gateBias;  // the upsampled mel's channels, then three taps, or six transformed weights
    Buffer conditioner;     // projects the mel at the frame rate, in the order of the gate's panels
    Buffer output;          // its bias depends on the diffusion step
  };

  /** What one diffusion step adds to each layer. */
  struct Step {
    /** @param sinusoids [embedding] @param label row of the label table */
    Step(const ForwardWeights& weights, const float* sinusoids, int label);
    std::vector<float> embedding;   // [(layers + 1) × padded]; the row after the last layer is zero
    std::vector<float> outputBias;  // [layers × 2 · padded], packed
  };

  /** A parameter that is not packed: of the step embedding, the labels or an upsampler, or a bias. */
  const float* parameter(int64_t place) const { return parameters.data() + place; }
  /** Floats of a row of coefficients, in whole vectors. */
  int paddedSignals() const { return kernels.paddedChannels(shape.signals()); }
  /** Whether windows are transformed, instead of multiplied with matrices. */
  bool transformsWindows() const { return transform.kernel > 0; }

  const NetworkShape shape;
  const ForwardKernels& kernels;
  const ParameterOffsets offsets;
  /** The flat parameters. The memory of parameters that are packed was never touched, so it has no pages. */
  Buffer parameters;
  const int padded;       // channels rounded up to whole vectors
  const int melChannels;  // number of inputs of a layer's conditioner projection; 0 without a mel
  /** Behind windows that are transformed: the tables for that. */
  WindowTables transform{};
  /** Behind other windows: the matrices to coefficients, and back to pieces of audio. Both have a bias of zeros. */
  Buffer analysis, synthesis, noBias;
  Buffer input, inputBias;
  std::vector<Layer> layers;
  Buffer skip, skipBias;  // includes the factor 1/√layers
  Buffer output, outputBias;
  std::vector<Buffer> encoder, encoderBias;
  /** Times of the streams of these weights. */
  mutable ScheduleTimes scheduleTimes;

 private:
  void allocateLayer(Layer& layer) const;
  void packLayer(int index, const float* parameters);
  void packTaps(const Layer& layer, const float* taps, ColumnOrder order) const;
  void packTransformedTaps(const Layer& layer, const float* taps, ColumnOrder order) const;
  void packWindows(const float* parameters);
  void makeTransform();
  void packConvolution(Buffer& packed, Buffer& bias, const float* parameters, const ParameterOffset& place, int columns,
                       int steps, int taps) const;
  void packEnds(const float* parameters);
  void packEncoder(const float* parameters);
  void keep(const float* parameters, int64_t begin, int64_t end);

  std::vector<double> window_, roots_;  // of `transform`
};

/** Allocates `size` floats. Throws std::bad_alloc. */
Buffer allocate(int64_t size);

}  // namespace diffwave
