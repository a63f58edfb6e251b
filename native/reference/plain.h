// The small parts of the network in plain loops, for any scalar type. They run once per clip or once per frame and are
// not worth a kernel. Each forward function is followed by its backward functions, which add to the gradients.
#pragma once

#include <cmath>
#include <cstdint>

#include "../network.h"

namespace diffwave {
namespace plain {

/** out[o] = bias[o] + Σ_i weight[o, i] · in[i]. */
template <class Scalar>
void linear(Scalar* out, const Scalar* in, const Scalar* weight, const Scalar* bias, int64_t outputs, int64_t inputs) {
  for (int64_t o = 0; o < outputs; o++) {
    Scalar sum[4] = {bias[o], 0, 0, 0};  // four sums, so that additions need not wait for each other
    const Scalar* row = weight + o * inputs;
    int64_t i = 0;
    for (; i + 4 <= inputs; i += 4) {
      for (int k = 0; k < 4; k++) sum[k] += row[i + k] * in[i + k];
    }
    for (; i < inputs; i++) sum[0] += row[i] * in[i];
    out[o] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  }
}

/** Adds to dWeight [outputs × inputs] and dBias [outputs] for the gradient dOut [outputs] of `linear`. */
template <class Scalar>
void linearToWeights(Scalar* dWeight, Scalar* dBias, const Scalar* dOut, const Scalar* in, int64_t outputs,
                     int64_t inputs) {
  for (int64_t o = 0; o < outputs; o++) {
    const Scalar d = dOut[o];
    dBias[o] += d;
    for (int64_t i = 0; i < inputs; i++) dWeight[o * inputs + i] += d * in[i];
  }
}

/** Adds to dIn [inputs] for the gradient dOut [outputs] of `linear`. */
template <class Scalar>
void linearToInput(Scalar* dIn, const Scalar* dOut, const Scalar* weight, int64_t outputs, int64_t inputs) {
  for (int64_t o = 0; o < outputs; o++) {
    const Scalar d = dOut[o];
    for (int64_t i = 0; i < inputs; i++) dIn[i] += d * weight[o * inputs + i];
  }
}

template <class Scalar>
Scalar sigmoid(Scalar x) {
  return 1 / (1 + std::exp(-x));
}

/** x · sigmoid(x), and its derivative. */
template <class Scalar>
Scalar silu(Scalar x) {
  return x * sigmoid(x);
}
template <class Scalar>
Scalar siluDerivative(Scalar x) {
  const Scalar s = sigmoid(x);
  return s * (1 + x * (1 - s));
}

/** Leaky ReLU, and its derivative. The derivative is found from the result, which has the sign of the input. */
template <class Scalar>
Scalar leaky(Scalar x) {
  return x > 0 ? x : Scalar(leakySlope) * x;
}
template <class Scalar>
Scalar leakyDerivative(Scalar y) {
  return y > 0 ? Scalar(1) : Scalar(leakySlope);
}

/**
 * Transposed 2-D convolution from one channel to one channel, then leaky ReLU: out [bands × frames·stride] from
 * in [bands × frames], with kernel [3 × kernel], stride [1, stride] and padding [1, padding].
 */
template <class Scalar>
void upsample(Scalar* out, const Scalar* in, const Scalar* weight, Scalar bias, int bands, int64_t frames, int stride,
              int kernel, int padding) {
  const int64_t length = frames * stride;
  for (int64_t i = 0; i < bands * length; i++) out[i] = bias;
  for (int b = 0; b < bands; b++) {
    for (int kb = 0; kb < 3; kb++) {
      const int target = b + kb - 1;
      if (target < 0 || target >= bands) continue;
      for (int64_t f = 0; f < frames; f++) {
        const int64_t first = f * stride - padding;  // output that kernel element 0 adds to
        const int64_t from = first < 0 ? -first : 0;
        const int64_t to = first + kernel > length ? length - first : kernel;
        const Scalar value = in[b * frames + f];
        Scalar* row = out + target * length + first;
        for (int64_t k = from; k < to; k++) row[k] += value * weight[kb * kernel + k];
      }
    }
  }
  for (int64_t i = 0; i < bands * length; i++) out[i] = leaky(out[i]);
}

/**
 * Adds to dIn (null if not needed), dWeight and dBias. dOut [bands × frames·stride] is the gradient of `out`, the
 * result of `upsample`. It is overwritten by the gradient before the leaky ReLU.
 */
template <class Scalar>
void upsampleBackward(Scalar* dIn, Scalar* dWeight, Scalar* dBias, Scalar* dOut, const Scalar* out, const Scalar* in,
                      const Scalar* weight, int bands, int64_t frames, int stride, int kernel, int padding) {
  const int64_t length = frames * stride;
  Scalar sum = 0;
  for (int64_t i = 0; i < bands * length; i++) {
    dOut[i] *= leakyDerivative(out[i]);
    sum += dOut[i];
  }
  *dBias += sum;
  for (int b = 0; b < bands; b++) {
    for (int kb = 0; kb < 3; kb++) {
      const int target = b + kb - 1;
      if (target < 0 || target >= bands) continue;
      for (int64_t f = 0; f < frames; f++) {
        const int64_t first = f * stride - padding;
        const int64_t from = first < 0 ? -first : 0;
        const int64_t to = first + kernel > length ? length - first : kernel;
        const Scalar value = in[b * frames + f];
        const Scalar* row = dOut + target * length + first;
        for (int64_t k = from; k < to; k++) dWeight[kb * kernel + k] += value * row[k];
        if (dIn != nullptr) {
          Scalar toInput = 0;
          for (int64_t k = from; k < to; k++) toInput += row[k] * weight[kb * kernel + k];
          dIn[b * frames + f] += toInput;
        }
      }
    }
  }
}

}  // namespace plain
}  // namespace diffwave
