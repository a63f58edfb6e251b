// A convolution along time in plain loops, and its adjoint.
#pragma once

#include <cstdint>
#include <vector>

#include "../network.h"

namespace diffwave {
namespace plain {

/** Where the parameters of a convolution lie, weight [outputs × inputs × kernel] and bias [outputs], and its sizes. */
struct Convolution {
  ParameterOffset at;
  int outputs, inputs;
  int kernel = 1, dilation = 1;
};

/**
 * out[o, p] += bias[o] + Σ_i Σ_k weight[o, i, k] · in[i, p + (k − ⌊kernel/2⌋) · dilation], with zeros outside
 * 0 … length − 1. out [outputs × length], in [inputs × length].
 */
template <class Scalar>
void convolve(const Convolution& c, const Scalar* parameters, const std::vector<Scalar>& in, std::vector<Scalar>& out) {
  const Scalar *weight = parameters + c.at.weight, *bias = parameters + c.at.bias;
  const int64_t length = int64_t(in.size()) / c.inputs;
  for (int o = 0; o < c.outputs; o++) {
    for (int64_t p = 0; p < length; p++) {
      Scalar sum = bias[o];
      for (int i = 0; i < c.inputs; i++) {
        for (int k = 0; k < c.kernel; k++) {
          const int64_t q = p + int64_t(k - c.kernel / 2) * c.dilation;
          if (q >= 0 && q < length) sum += weight[(int64_t(o) * c.inputs + i) * c.kernel + k] * in[i * length + q];
        }
      }
      out[o * length + p] += sum;
    }
  }
}

/**
 * The adjoint of `convolve`: for the gradient dOut of its result, adds to the gradients of the parameters and to dIn,
 * unless that is null.
 */
template <class Scalar>
void convolveBackward(const Convolution& c, const Scalar* parameters, Scalar* gradients, const std::vector<Scalar>& in,
                      const std::vector<Scalar>& dOut, std::vector<Scalar>* dIn) {
  const Scalar* weight = parameters + c.at.weight;
  Scalar *dWeight = gradients + c.at.weight, *dBias = gradients + c.at.bias;
  const int64_t length = int64_t(in.size()) / c.inputs;
  for (int o = 0; o < c.outputs; o++) {
    for (int64_t p = 0; p < length; p++) {
      const Scalar d = dOut[o * length + p];
      dBias[o] += d;
      for (int i = 0; i < c.inputs; i++) {
        for (int k = 0; k < c.kernel; k++) {
          const int64_t q = p + int64_t(k - c.kernel / 2) * c.dilation;
          if (q < 0 || q >= length) continue;
          dWeight[(int64_t(o) * c.inputs + i) * c.kernel + k] += d * in[i * length + q];
          if (dIn != nullptr) (*dIn)[i * length + q] += d * weight[(int64_t(o) * c.inputs + i) * c.kernel + k];
        }
      }
    }
  }
}

}  // namespace plain
}  // namespace diffwave
