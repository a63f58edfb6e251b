#include "step-embedding.h"

#include <algorithm>
#include <cstring>

#include "../reference/plain.h"

namespace diffwave {

StepEmbedding::StepEmbedding(const BatchLayout& layout, Arena& arena) : layout_(layout) {
  const int64_t size = int64_t(layout.shape.layers) * layout.count * layout.columns;
  steps_ = arena.take(size);
  dSteps_ = arena.take(size);
}

void StepEmbedding::forward(const TrainingCall& call) {
  const float* w = call.parameters;
  const ParameterOffsets& at = call.offsets;
  const int64_t hidden = layout_.shape.hidden;
  for (auto* array : {&embedded1_, &embedded2_, &silu1_, &embedding_}) array->assign(size_t(layout_.count * hidden), 0);
  call.pool.forEach(layout_.count, [&](int clip, int) {
    const int64_t from = clip * hidden;
    plain::linear(&embedded1_[size_t(from)], layout_.clips[clip].sinusoids, w + at.embedding1.weight,
                  w + at.embedding1.bias, hidden, layout_.shape.embedding);
    for (int64_t i = from; i < from + hidden; i++) silu1_[size_t(i)] = plain::silu(embedded1_[size_t(i)]);
    plain::linear(&embedded2_[size_t(from)], &silu1_[size_t(from)], w + at.embedding2.weight, w + at.embedding2.bias,
                  hidden, hidden);
    for (int64_t i = from; i < from + hidden; i++) embedding_[size_t(i)] = plain::silu(embedded2_[size_t(i)]);
    if (layout_.shape.labels > 0) {
      const int64_t label = layout_.clips[clip].label < 0 ? layout_.shape.labels : layout_.clips[clip].label;
      for (int64_t i = 0; i < hidden; i++) embedding_[size_t(from + i)] += w[at.labels + label * hidden + i];
    }
  });
  call.pool.forEach(layout_.shape.layers, [&](int layer, int) {
    const ParameterOffset& step = at.layer[layer].step;
    for (int clip = 0; clip < layout_.count; clip++) {
      float* to = steps_ + (int64_t(layer) * layout_.count + clip) * layout_.columns;
      std::memset(to, 0, size_t(layout_.columns) * sizeof(float));
      plain::linear(to, &embedding_[size_t(clip * hidden)], w + step.weight, w + step.bias, layout_.C, hidden);
    }
  });
}

void StepEmbedding::backward(const TrainingCall& call) {
  const float* w = call.parameters;
  float* g = call.gradients;
  const ParameterOffsets& at = call.offsets;
  const int64_t hidden = layout_.shape.hidden;
  std::vector<float> dEmbedding(size_t(layout_.count * hidden)), dSilu(size_t(layout_.count * hidden));
  call.pool.forEach(layout_.shape.layers + layout_.count, [&](int task, int) {
    if (task < layout_.shape.layers) {
      const ParameterOffset& step = at.layer[task].step;
      for (int clip = 0; clip < layout_.count; clip++) {
        plain::linearToWeights(g + step.weight, g + step.bias,
                               dSteps_ + (int64_t(task) * layout_.count + clip) * layout_.columns,
                               &embedding_[size_t(clip * hidden)], layout_.C, hidden);
      }
      return;
    }
    const int clip = task - layout_.shape.layers;
    const size_t from = size_t(clip * hidden);
    for (int layer = 0; layer < layout_.shape.layers; layer++) {
      plain::linearToInput(&dEmbedding[from], dSteps_ + (int64_t(layer) * layout_.count + clip) * layout_.columns,
                           w + at.layer[layer].step.weight, layout_.C, hidden);
    }
  });
  if (layout_.shape.labels > 0) {
    for (int clip = 0; clip < layout_.count; clip++) {
      const int64_t label = layout_.clips[clip].label < 0 ? layout_.shape.labels : layout_.clips[clip].label;
      for (int64_t i = 0; i < hidden; i++) g[at.labels + label * hidden + i] += dEmbedding[size_t(clip * hidden + i)];
    }
  }
  for (size_t i = 0; i < dEmbedding.size(); i++) dEmbedding[i] *= plain::siluDerivative(embedded2_[i]);
  call.pool.forEach(layout_.count, [&](int clip, int) {
    const size_t from = size_t(clip * hidden);
    plain::linearToInput(&dSilu[from], &dEmbedding[from], w + at.embedding2.weight, hidden, hidden);
    for (size_t i = from; i < from + size_t(hidden); i++) dSilu[i] *= plain::siluDerivative(embedded1_[i]);
  });
  linearsBackward(call, dSilu, dEmbedding);
}

/** Computes the gradients of weights and biases of the two linear layers, some rows per task. */
void StepEmbedding::linearsBackward(const TrainingCall& call, const std::vector<float>& dSilu1,
                                    const std::vector<float>& dEmbedded2) const {
  constexpr int rowsPerTask = 24;
  float* g = call.gradients;
  const ParameterOffsets& at = call.offsets;
  const int64_t hidden = layout_.shape.hidden;
  const int tasks = int(ceilDivide(hidden, rowsPerTask));
  call.pool.forEach(2 * tasks, [&](int task, int) {
    const bool second = task >= tasks;
    const int64_t from = (second ? task - tasks : task) * rowsPerTask,
                  rows = std::min<int64_t>(rowsPerTask, hidden - from);
    const ParameterOffset& offset = second ? at.embedding2 : at.embedding1;
    const int64_t inputs = second ? hidden : layout_.shape.embedding;
    const std::vector<float>& d = second ? dEmbedded2 : dSilu1;
    for (int clip = 0; clip < layout_.count; clip++) {
      plain::linearToWeights(g + offset.weight + from * inputs, g + offset.bias + from,
                             &d[size_t(clip * hidden + from)],
                             second ? &silu1_[size_t(clip * hidden)] : layout_.clips[clip].sinusoids, rows, inputs);
    }
  });
}

}  // namespace diffwave
