// The step embedding in plain loops, and its adjoint.
#pragma once

#include "activations.h"
#include "plain.h"

namespace diffwave {
namespace plain {

/** Offset of a clip's row of the label table. The last row means "no label". */
template <class Scalar>
int64_t labelRow(const Network<Scalar>& n, const ReferenceClip<Scalar>& clip) {
  const int row = clip.label < 0 ? n.shape.labels : clip.label;
  return n.offsets.labels + int64_t(row) * n.shape.hidden;
}

/** embedding = silu(W₂ · silu(W₁ · sinusoids + b₁) + b₂) (Kong et al. 2021, section 3), and the label's row added. */
template <class Scalar>
void stepEmbeddingForward(const Network<Scalar>& n, const ReferenceClip<Scalar>& clip, Activations<Scalar>& a) {
  const int hidden = n.shape.hidden;
  const ParameterOffset &first = n.offsets.embedding1, &second = n.offsets.embedding2;
  a.embedded1.resize(hidden);
  a.embedded2.resize(hidden);
  linear(a.embedded1.data(), clip.sinusoids.data(), n.parameters + first.weight, n.parameters + first.bias, hidden,
         n.shape.embedding);
  for (Scalar v : a.embedded1) a.silu1.push_back(silu(v));
  linear(a.embedded2.data(), a.silu1.data(), n.parameters + second.weight, n.parameters + second.bias, hidden, hidden);
  for (Scalar v : a.embedded2) a.embedding.push_back(silu(v));
  if (n.shape.labels == 0) return;
  const Scalar* const label = n.parameters + labelRow(n, clip);
  for (int i = 0; i < hidden; i++) a.embedding[i] += label[i];
}

/** The adjoint of `stepEmbeddingForward`, from d.embedding. Adds to the gradients g of the parameters. */
template <class Scalar>
void stepEmbeddingBackward(const Network<Scalar>& n, const ReferenceClip<Scalar>& clip, const Activations<Scalar>& a,
                           Scalar* g, Gradients<Scalar>& d) {
  const int hidden = n.shape.hidden;
  const ParameterOffset &first = n.offsets.embedding1, &second = n.offsets.embedding2;
  if (n.shape.labels > 0) {
    Scalar* const dLabel = g + labelRow(n, clip);
    for (int i = 0; i < hidden; i++) dLabel[i] += d.embedding[i];
  }
  std::vector<Scalar> dSilu(hidden);
  for (int i = 0; i < hidden; i++) d.embedding[i] *= siluDerivative(a.embedded2[i]);
  linearToWeights(g + second.weight, g + second.bias, d.embedding.data(), a.silu1.data(), hidden, hidden);
  linearToInput(dSilu.data(), d.embedding.data(), n.parameters + second.weight, hidden, hidden);
  for (int i = 0; i < hidden; i++) dSilu[i] *= siluDerivative(a.embedded1[i]);
  linearToWeights(g + first.weight, g + first.bias, dSilu.data(), clip.sinusoids.data(), hidden, n.shape.embedding);
}

}  // namespace plain
}  // namespace diffwave
