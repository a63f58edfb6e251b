// What the kernels are asked to do, and the table of them that each instruction set fills. Nothing here depends on the
// width of a vector.
#pragma once

#include <cstdint>

#include "../network.h"

namespace diffwave {

/** Rows of floats by absolute position, of which the newest `capacity` are kept. */
struct Ring {
  float* rows = nullptr;
  int64_t capacity = 1;
  int stride = 0;  // floats a row

  __attribute__((always_inline)) float* at(int64_t position) const { return rows + position % capacity * stride; }
  /** Whether `count` rows from `position` on lie one after the other. */
  __attribute__((always_inline)) bool contiguous(int64_t position, int count) const {
    return position % capacity + count <= capacity;
  }
};

/** Positions that one task takes: a multiple of every register block's rows. */
constexpr int tilePositions = 48;
/** Quads of positions (native/winograd.h) that one task takes. */
constexpr int tileQuads = 24;
/**
 * Layers of at most this dilation run in quads where vectors multiply: a group of four dilations must be whole before it can
 * be computed, so each such layer lags behind the one before by up to five dilations instead of one.
 * src/engines/stream-lag.ts knows it.
 */
constexpr int quadDilation = 32;

/** Where a layer's accumulators start. */
enum class Conditioning {
  none,          // the biases
  interpolated,  // projections at the rate of frames, biases included
  projected,     // the biases, and the upsampled mel is projected on the way
};

/** One residual layer over positions [begin, end). */
struct LayerTask {
  int channels;
  int paddedChannels;
  int dilation;
  int64_t begin, end;
  int64_t quadBegin, quadEnd;  // layerInQuads: which quads of the range, in order of groups, then of positions
  int64_t length;  // positions of the clip where known: what lies beyond counts as zero
  Ring input;      // the layer's input with the step embedding added
  Ring output;     // the next layer's input, its step embedding added; no rows: the last layer
  Ring skip;       // running sum of the skips
  bool firstLayer;
  Conditioning conditioning;
  Ring mel;              // projections [2 · padded], in panel order, or the upsampled mel
  int melChannels;       // projected: steps of the packed weights that stand before the taps; else 0
  int64_t framePeriod;   // interpolated: positions a frame,
  int64_t lastFrame;     // and the last frame, held after it
  const float* gateWeights;
  const float* gateBias;
  const float* outputWeights;
  const float* outputBias;  // residual half: less the step embedding, where the residual takes x from before it
  const float* nextStep;    // step embedding of the next layer
  float* scratch;
};

enum class Activation { none, relu, leaky };

/** output[p] = activation(bias + input[p − inputShift] · weights) + offset over positions [begin, end). */
struct RowsTask {
  int64_t begin, end;
  Ring input;
  int64_t inputShift;    // position p reads input row p − inputShift
  int steps;             // numbers of an input row that count
  int columns;           // padded numbers of an output row
  const float* weights;  // panels
  int64_t panelRows;     // rows of a panel, of which the first `steps` are used
  const float* bias;
  const float* offset;  // or null
  Activation activation;
  Ring output;
  float* scratch;
};

/** One transposed convolution 1→1 of the mel upsampler, kernel [3, kernel], over its output rows first + step · [0, rows). */
struct UpsampleTask {
  const float* input;  // row `inputFirst` first; each with a margin of zeros on either side
  int64_t inputFirst;
  int64_t inputLength;  // rows the whole input has: those beyond are zero
  int rowStride;
  int bands;
  int stride, kernel, padding;
  const float* weights;
  float bias;
  int64_t first;
  int step;
  int rows;
  float* output;  // rows of rowStride, margins cleared
};

/** The kernels of one instruction set. */
struct ForwardKernels {
  int (*paddedChannels)(int channels);
  /** Floats of scratch memory one worker needs. */
  int64_t (*scratchSize)(int paddedChannels, int widestRow);
  /** Margin before and stride of a row of mel bands. */
  int (*melMargin)();
  int (*melStride)(int bands);

  /**
   * Packs [columns, steps] weights (row n, column k at from[n · rowStride + k · stepStride]) into panels of `panelRows`
   * rows, starting at row `firstRow`. `paired`: columns are two halves whose vectors alternate within a panel, second half
   * first where `swapped`.
   */
  void (*pack)(float* packed, const float* from, int columns, int64_t rowStride, int steps, int64_t stepStride,
               int64_t panelRows, int64_t firstRow, bool paired, bool swapped);
  /** The same for a layer's own weights, which are paired, where `panelRows` and `firstRow` are multiples of `depth`. */
  void (*packLayer)(float* packed, const float* from, int columns, int64_t rowStride, int steps, int64_t stepStride,
                    int64_t panelRows, int64_t firstRow, bool paired, bool swapped);
  int depth;
  /** Floats that packed weights take. */
  int64_t (*packedSize)(int columns, bool paired, int64_t panelRows);
  /** A bias in the order of packed columns. */
  void (*packBias)(float* packed, const float* from, int columns, bool paired, bool swapped);

  void (*layer)(const LayerTask&);
  /** Brings rows [begin, end) of `numbers` floats into the form in which `layer` has its input and its mel, in place. */
  void (*arrangeRows)(const Ring& ring, int64_t begin, int64_t end, int numbers);
  /** Positions that `layer` takes at a time. */
  int tile;
  /** Largest dilation of the layers that run in quads; 0: none. */
  int mostQuadDilation;
  /** The same with `begin` a multiple of 4 · dilation, and gate weights at six points in place of three taps. */
  void (*layerInQuads)(const LayerTask&);
  void (*rows)(const RowsTask&);
  void (*upsample)(const UpsampleTask&);
  /** out = weights [rows, columns] · in + bias, then SiLU where asked. */
  void (*linear)(float* out, const float* weights, const float* bias, const float* in, int rows, int columns, bool silu);
  /** out[i] = gain · output[i] + sigmoid(output[count + i]) · audio[i] (kernels/mask.h). */
  void (*mask)(float* out, const float* output, const float* audio, float gain, int count);
  /** Independent multiply-adds on registers alone, `iterations` times; returns the floating-point operations done. */
  double (*multiplyAdds)(int64_t iterations, float* sink);
};

}  // namespace diffwave
