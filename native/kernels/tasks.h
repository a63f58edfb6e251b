// Tasks of the forward kernels, and the table of kernels that each instruction set fills. Nothing here depends on the
// width of a vector.
#pragma once

#include <cstdint>

#include "../network.h"

namespace diffwave {

/** Rows of floats, indexed by absolute position. The newest `capacity` rows are kept. */
template <class Float>
struct RowRing {
  Float* rows = nullptr;
  int64_t capacity = 1;
  int stride = 0;  // floats per row

  __attribute__((always_inline)) Float* at(int64_t position) const { return rows + position % capacity * stride; }
  /** Whether `count` rows from `position` on are contiguous in memory. */
  __attribute__((always_inline)) bool contiguous(int64_t position, int count) const {
    return position % capacity + count <= capacity;
  }
};
using Ring = RowRing<float>;
using ConstRing = RowRing<const float>;
inline ConstRing readOnly(const Ring& ring) { return {ring.rows, ring.capacity, ring.stride}; }

/** Positions of a time block, the work of one task. It is a multiple of the rows of every register block. */
constexpr int timeBlockPositions = 48;
/** Number of Winograd blocks (native/winograd.h) of one task. */
constexpr int winogradBlocksPerTask = 24;
/**
 * The largest dilation that runs in Winograd blocks, on all instruction sets but AMX. Groups of four dilations are
 * computed as a whole. So such a layer lags up to five dilations behind the layer before it, instead of one.
 * src/engines/native/constants.ts has the same number.
 */
constexpr int winogradMaxDilation = 32;

/** The start of a gate's sums. */
enum class Conditioning {
  none,          // the biases
  interpolated,  // projections of the mel at the frame rate, biases included, interpolated between two frames
  projected,     // the biases; the kernel projects the upsampled mel itself
};

/**
 * One residual layer over positions [begin, end), with C channels:
 *
 *   h = W_dilated ∗ y + W_mel · mel + bias             [2C]
 *   z = sigmoid(h, first half) · tanh(h, second half)  [C], halves exchanged if the network is `tanhFirst`
 *   (residual, skip) = W_output · z + bias             [2C]
 *   next y = (x + residual) · √½ + next step embedding; skip sum += skip
 *
 * reference/residual-layer.h has the layer in plain loops (`layerForward`).
 */
struct LayerTask {
  int channels;
  int paddedChannels;  // rounded up to whole vectors
  int dilation;
  int64_t begin, end;
  int64_t winogradBegin, winogradEnd;  // winogradLayer: Winograd blocks of the range (native/winograd.h)
  int64_t length;                      // positions of the clip, if known: inputs beyond count as zero
  ConstRing input;                     // y [positions × padded]: the layer's input plus the step embedding
  Ring output;                         // the next layer's y; the last layer has no rows here
  Ring skip;                           // running sum of the skips [positions × padded]
  bool firstLayer;                     // whether the skip sum starts here
  Conditioning conditioning;
  ConstRing mel;    // interpolated: projections [frames × 2 · padded], in panel order; projected: the upsampled mel
  int melChannels;  // projected: steps of the packed weights that come before the taps; else 0
  int64_t framePeriod;  // interpolated: positions per frame
  int64_t lastFrame;    // interpolated: the last frame, which holds to the end
  const float* gateWeights;
  const float* gateBias;
  const float* outputWeights;
  const float* outputBias;  // if the residual takes x without the step embedding, its half has that subtracted
  const float* nextStep;    // step embedding of the next layer [padded]
  float* scratch;
};

enum class Activation { none, relu, leaky };

/**
 * Rows times a matrix: output[p] = activation(bias + input[p − inputShift] · weights) + offset over positions
 * [begin, end).
 */
struct RowsTask {
  int64_t begin, end;
  ConstRing input;       // rows may overlap: windows of audio
  int64_t inputShift;    // position p reads row p − inputShift of the input
  int steps;             // numbers of an input row that take part
  int columns;           // padded numbers of an output row
  const float* weights;  // panels
  int64_t panelRows;     // rows of a panel, of which the first `steps` are used
  const float* bias;     // [columns]
  const float* offset;   // [columns], or null
  Activation activation;
  Ring output;
  float* scratch;
};

/** Tables of a windowed front end whose windows are not learned (native/windows.h), for windows of 2ⁱ ≥ 16 samples. */
struct WindowTables {
  int kernel;            // K
  int bins;              // N
  double unit;           // U
  const double* window;  // w [K]
  const double* roots;   // (cos, −sin)(2πk/K) [K × 2]
};

/** Windows of audio [positions × K] to coefficients [positions × 2N], or back to pieces, for positions [begin, end). */
struct WindowsTask {
  const WindowTables* tables;
  int64_t begin, end;
  ConstRing input;     // rows may overlap: windows of audio
  int64_t inputShift;  // position p reads row p − inputShift of the input
  Ring output;
  float* scratch;  // [windowScratchSize(K)]
};

/**
 * One transposed 2-D convolution from one channel to one channel of the mel upsampler, with kernel [3 bands × kernel],
 * then leaky ReLU. It computes the output rows first + step · [0, rows). Rows are frames or samples; a row holds the
 * bands between margins of zeros.
 */
struct UpsampleTask {
  const float* input;   // its first row is row `inputFirst`
  int64_t inputFirst;   // absolute index
  int64_t inputLength;  // rows of the whole input: rows beyond count as zero
  int rowStride;        // floats per row
  int bands;
  int stride, kernel, padding;
  const float* weights;  // [3 × kernel]
  float bias;
  int64_t first;
  int step;
  int rows;
  float* output;  // [rows × rowStride], margins cleared
};

/** Weights among the parameters: that of output column n and step k is data[n · columnStride + k · stepStride]. */
struct WeightMatrix {
  const float* data;
  int columns, steps;
  int64_t columnStride, stepStride;
};

/** Panels of `rows` rows each. A matrix takes those from `firstRow` on. */
struct PanelRows {
  float* panels;
  int64_t rows, firstRow;
};

/** The order of a matrix's columns in its panels. */
enum class ColumnOrder {
  plain,
  paired,         // the columns are two halves, whose vectors alternate within a panel
  pairedSwapped,  // the same with the second half first
};

/** The forward kernels of one instruction set. */
struct ForwardKernels {
  int (*paddedChannels)(int channels);
  /** Floats of scratch memory that one worker needs. */
  int64_t (*scratchSize)(int paddedChannels, int widestRow);
  /** Floats before the bands of a mel row, and floats of the whole row. */
  int (*melMargin)();
  int (*melStride)(int bands);

  /** Packs weights into panels. */
  void (*pack)(const PanelRows& to, const WeightMatrix& from, ColumnOrder order);
  /** Packs a layer's own weights, which are paired. Rows and first row of the panels are multiples of `depth`. */
  void (*packLayer)(const PanelRows& to, const WeightMatrix& from, ColumnOrder order);
  int depth;
  /** Floats of packed weights. */
  int64_t (*packedSize)(int columns, ColumnOrder order, int64_t panelRows);
  /** Floats of a layer's own packed weights. */
  int64_t (*layerPackedSize)(int columns, int64_t panelRows);
  /** Copies a bias in the order of packed columns. */
  void (*packBias)(float* packed, const float* from, int columns, ColumnOrder order);

  /** Runs a residual layer, its dilated convolution computed directly. */
  void (*layer)(const LayerTask&);
  /** Converts rows [begin, end) of `numbers` floats, in place, to the form in which `layer` reads its input and mel. */
  void (*arrangeRows)(const Ring& ring, int64_t begin, int64_t end, int numbers);
  /** Number of positions that `layer` takes at a time. */
  int layerPositions;
  /** Largest dilation of the layers that run in Winograd blocks; 0 if none do. */
  int maxWinogradDilation;
  /** Runs a residual layer in Winograd blocks. `begin` is a multiple of 4 · dilation, and six transformed gate weights
   * take the place of three taps. */
  void (*winogradLayer)(const LayerTask&);
  void (*rows)(const RowsTask&);
  void (*upsample)(const UpsampleTask&);
  /** out [rows] = weights [rows × columns] · in + bias, then SiLU if `silu`. */
  void (*linear)(float* out, const float* weights, const float* bias, const float* in, int rows, int columns,
                 bool silu);
  /** out[i] = gain · output[i] + sigmoid(output[count + i]) · audio[i] (kernels/mask.h). */
  void (*mask)(float* out, const float* output, const float* audio, float gain, int count);
  /** The transforms of windows that are not learned (kernels/window-transform.h), and the scratch memory they need. */
  int64_t (*windowScratchSize)(int kernel);
  void (*encodeWindows)(const WindowsTask&);
  void (*decodeWindows)(const WindowsTask&);
  /** Convert a position's coefficients into and out of a network with a windowed front end (kernels/windows.h). */
  void (*windowsInput)(float* out, const float* x, const float* deviations, const float* logarithms, int bins);
  void (*windowsOutput)(float* y, const float* output, const float* x, const float* deviations, float gain, int bins);
  /** Multiplies and adds on registers only, `iterations` times. Returns the number of floating-point operations. */
  double (*multiplyAdds)(int64_t iterations, float* sink);
};

}  // namespace diffwave
