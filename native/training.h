// Loss and gradients of one batch, fast: the network's backward pass written out on the matrix product of
// kernels/gemm.h, checked against native/reference.cc.
//
// A batch runs layer by layer. The dilated convolutions take four positions at a time (native/winograd.h): a layer's tiles
// are up to `trainingQuads` such fours, those of the network's ends `trainingTile` positions in a row. Consecutive tiles make
// at most `trainingGroups` groups. A group is one task of the pool and has its own partial sums of the weights' gradients;
// groups are added up in order. Tiles and groups depend on the batch alone, so the result is the same for any number of
// threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "network.h"
#include "pool.h"

namespace diffwave {

constexpr int trainingTile = 96;   // positions: a multiple of every target's block of rows
constexpr int trainingQuads = 64;  // fours of positions, at most; each target says how many it takes
constexpr int trainingGroups = 16;

/** Rows a[r · stride + 0 … steps − 1] of a matrix product's left side. */
struct Segment {
  const float* a;
  ptrdiff_t stride;
  int steps;
};

/**
 * The kernels below take tiles of fours: row j · quads + q of a tile is position j of four q. Row pointers that are null stand
 * for positions past the clip's end. A plane holds one of the six points, [quads × columns].
 */

/** The end of the dilated convolution and the gate: halves = activated(start + Aᵀ·sums), gated = their product. */
struct QuadGates {
  const float* sums;       // 6 planes, rows of 2·columns
  ptrdiff_t plane;
  int quads, columns;
  bool tanhFirst;          // which half is the tanh
  const float* bias;       // [2·columns]: where sums start; null: from what `halves` holds
  const float* const* low; // per row, or null: start from bias + (1 − fraction) · low + fraction · high
  const float* const* high;
  const float* fraction;
  float* halves;           // [4·quads × 2·columns]
  float* gated;            // [4·quads × columns]
  ptrdiff_t gatedStride;
};

/** From the activated halves and the gradient of their product: the product again; the gradient of what went into the gate,
 * by rows (dSums), as points A·dSums, and added up over all rows. */
struct QuadGateBackward {
  const float* halves;  // [4·quads × 2·columns]
  const float* dGated;  // [4·quads × columns], zeros past the end
  int quads, columns;
  bool tanhFirst;
  float* gated;
  ptrdiff_t gatedStride;
  float* const* dSums;  // per row
  float* points;        // 6 planes, rows of 2·columns
  ptrdiff_t plane;
  float* total;         // [2·columns], added to
};

/** dx = ((fresh ? 0 : dx) + dy) · scale with dy = Aᵀ·sums; total += dy, or dx before its scaling where `totalOfBoth`. */
struct QuadCombine {
  const float* sums;  // 6 planes, rows of columns
  ptrdiff_t plane;
  int quads, columns;
  float* const* dx;  // per row
  float* total;      // [columns]
  bool fresh, totalOfBoth;
  float scale;
};

/** What a product is part of. Forward sums decide the signs of ReLUs and of absolute errors, and need all of float32's
 * precision; on the way back an error of 1e-5 is one of 1e-5. */
enum class Way { forward, backward };

/** What each instruction set brings (kernels/backward.h). Columns are multiples of 16, in floats. */
struct TrainingKernels {
  /** Columns of a packed panel: `packed[panel][k][width]`. */
  int width;
  /** What a segment's steps are rounded up to in a panel, with zeros. */
  int depth;
  /** Fours of positions that a tile has at most, and that it is a multiple of where it can be. */
  int mostQuads, quadUnit;
  /** Brings panels of `steps` steps in all into the kernels' own order, in place; or null. */
  void (*arrange)(float* packed, int64_t steps, int64_t columns, Way way);
  /** Bytes that a packed number takes in the forward pass; on the way back it is four. */
  int forwardBytes;
  /** out[r, n] = (accumulate ? out[r, n] : 0) + Σ over segments and their steps, in order, of a[r, k] · packed[k, n]. */
  void (*product)(float* out, ptrdiff_t outStride, int rows, int columns, const Segment* segments, int count,
                  const float* packed, bool accumulate);
  /** The same with panels that were arranged for the forward pass. */
  void (*forwardProduct)(float* out, ptrdiff_t outStride, int rows, int columns, const Segment* segments, int count,
                         const float* packed, bool accumulate);
  /** out[r, n] = (accumulate ? out[r, n] : 0) + Σ_k a[k · aStride + r] · b[k · bStride + n]: a weight's gradient, k running
   * over positions. */
  void (*outer)(float* out, ptrdiff_t outStride, const float* a, ptrdiff_t aStride, int rows, const float* b,
                ptrdiff_t bStride, int columns, int steps, bool accumulate);
  /** Bᵀ of fours: rows[6·q + i] points to input i of four q; out: 6 planes. */
  void (*quadInput)(float* out, ptrdiff_t plane, const float* const* rows, int quads, int columns);
  void (*quadGates)(const QuadGates&);
  void (*quadGateBackward)(const QuadGateBackward&);
  void (*quadCombine)(const QuadCombine&);
  /** Gᵀ: taps [3 planes] from the gradients of the six points' weights, `count` numbers each. */
  void (*quadWeights)(float* taps, ptrdiff_t tapPlane, const float* points, ptrdiff_t plane, int count);
  /** skip += out[first half]; next = (y − minus + out[second half]) · √½ + plus (last: only the skip). */
  void (*residual)(float* const* skip, float* const* next, const float* const* y, const float* out, const float* minus,
                   const float* plus, int rows, int columns, bool last);
  /** The adjoint of the gate's interpolation, f = (offset + r · patch) / hop: low += Σ_r (1 − f) · d[r], high += Σ_r f · d[r]; either may be null. */
  void (*interpolateBackward)(float* low, float* high, const float* d, ptrdiff_t dStride, int rows, int columns,
                              int offset, int patch, int hop);
  /** total[n] += Σ_r a[r, n]. */
  void (*columnSums)(float* total, const float* a, ptrdiff_t stride, int rows, int columns);
  /** The end of a network that masks its input, and its adjoint (kernels/mask.h). */
  void (*mask)(float* out, const float* output, const float* audio, float gain, int count);
  void (*maskBackward)(float* output, const float* gradient, const float* audio, float gain, int count);
};

/** One batch. Arrays are the caller's; shapes were checked before. */
struct TrainingBatch {
  struct Clip {
    const float* audio;      // [samples]
    const float* target;     // [samples]: what to predict, or ∂loss/∂ε; null where only the noise is wanted
    const float* weight;     // [samples], or null for 1
    const float* sinusoids;  // [embedding]
    const float* mel;        // [bands × frames], or null
    int64_t samples;         // a multiple of the patch
    int64_t frames;
    int label;               // −1: none
    int64_t melOffset = 0;   // samples from the first frame's start to the audio's: whole frames
    float* noise = nullptr;  // [samples]: where ε is written, if it is asked for
    float gain = 1;          // of f, where the network masks its input
  };
  const Clip* clips;
  int count;
  bool squared;  // the loss: squares, or absolute values
};

enum class TrainingOutcome { done, cancelled, outOfMemory };

class TrainingPass;

/** Computes losses and gradients of one network; keeps its working memory between calls. */
class Training {
 public:
  /**
   * @param memoryLimit bytes of working memory. A batch that needs more is run in several parts of consecutive clips; a
   *   clip that alone needs more is run without its gates stored (they are computed again, which costs a quarter more
   *   time); one that needs more even so is refused. Where the limit splits a batch, sums round differently.
   */
  Training(const NetworkShape& shape, Pool& pool, const TrainingKernels& kernels, size_t memoryLimit);
  ~Training();
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  /**
   * loss = mean over all samples of weight · |ε − target| (or its square), clipLosses[count] = each clip's own mean,
   * gradients (overwritten) laid out as the parameters.
   */
  TrainingOutcome lossGradients(const float* parameters, const TrainingBatch& batch, float* gradients, double* loss,
                                float* clipLosses, const std::atomic<bool>* cancelled);

  /**
   * The first half of `lossGradients`, for losses that the caller computes: writes ε to each clip's `noise`. What the second
   * half needs is kept until the next call. A batch must fit the memory in one part.
   */
  TrainingOutcome forward(const float* parameters, const TrainingBatch& batch, const std::atomic<bool>* cancelled);

  /** The second half, for the same parameters and batch, with ∂loss/∂ε of each clip as its `target`. */
  TrainingOutcome backward(const float* parameters, const TrainingBatch& batch, float* gradients,
                           const std::atomic<bool>* cancelled);

  /** Whether a batch is the one that `forward` was given. */
  bool awaits(const TrainingBatch& batch) const;

  /**
   * Bytes one part of a batch takes. Nearly all of it is, with P positions of all clips, C channels and L layers,
   * 4 · P · (L · C + 6 · C) for the layers' inputs, and 4 · P · L · 2C more where gates are stored.
   */
  size_t memory(const TrainingBatch::Clip* clips, int count, bool storeGates) const;

 private:
  bool reserve(size_t bytes);
  /** A pass over clips that are one part, its gates stored where they fit; null where the memory does not suffice. */
  std::unique_ptr<TrainingPass> prepare(const TrainingBatch::Clip* clips, int count);

  /** The batch between `forward` and `backward`. */
  std::unique_ptr<TrainingPass> pass_;
  std::vector<TrainingBatch::Clip> clips_;

  const NetworkShape shape_;
  Pool& pool_;
  const TrainingKernels& kernels_;
  const size_t limit_;
  float* memory_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace diffwave
