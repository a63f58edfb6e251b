// The two ends of a pass: the input projection, and the skip and output projections with the loss.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "residual-stack.h"

namespace diffwave {

Segment ResidualStack::inputsOf(const TimeBlock& block) const {
  const NetworkShape& s = layout_.shape;
  if (s.windowed()) return {windows_.inputs(block), windows_.inputStride(), s.inputs()};
  return {layout_.clips[block.clip].audio + block.start * s.patch, s.patch, s.patch};
}

/** out [count × columns] = relu(bias + W_input · inputs) of one time block. */
static void inputBlock(const TrainingKernels& kernels, float* out, const Segment& inputs, int count, int columns,
                       const float* weight, const float* bias) {
  for (int r = 0; r < count; r++) std::memcpy(out + r * columns, bias, size_t(columns) * sizeof(float));
  kernels.forwardProduct(out, columns, count, columns, &inputs, 1, weight, true);
  for (int i = 0; i < count * columns; i++) out[i] = std::max(out[i], 0.0f);
}

/** y [positions × columns] of the first layer = relu(W_input · inputs + bias) + step. Clears the skip sums. */
void ResidualStack::inputForward(const TrainingCall& call) {
  layout_.forEachTimeBlock(call, [&](const TimeBlock& block, int, int, int) {
    float* y = layout_.row(y_[0], block.clip, block.start);
    const int columns = int(columns_);
    inputBlock(call.kernels, y, inputsOf(block), block.count, columns, weights_.inputWeight, weights_.inputBias);
    const float* step = steps_.rows(0) + block.clip * columns_;
    for (int r = 0; r < block.count; r++) {
      for (int c = 0; c < columns; c++) y[r * columns + c] += step[c];
    }
    std::memset(layout_.row(skip_, block.clip, block.start), 0, size_t(block.count) * size_t(columns) * sizeof(float));
  });
}

void ResidualStack::outputBlock(const TrainingCall& call, const TimeBlock& block, float* hidden, float* output) {
  const TrainingKernels& kernels = call.kernels;
  const int columns = int(columns_), C = int(C_), outputColumns = int(columnsOf(layout_.shape.outputs())),
            rows = block.count;
  const float* skip = layout_.row(skip_, block.clip, block.start);
  for (int r = 0; r < rows; r++) std::memcpy(hidden + r * columns, weights_.skipBias, size_t(columns) * sizeof(float));
  const Segment fromSkip{skip, columns, C};
  kernels.forwardProduct(hidden, columns, rows, columns, &fromSkip, 1, weights_.skipWeight, true);
  for (int i = 0; i < rows * columns; i++) hidden[i] = std::max(hidden[i], 0.0f);
  for (int r = 0; r < rows; r++) {
    std::memcpy(output + r * outputColumns, weights_.outputBias, size_t(outputColumns) * sizeof(float));
  }
  const Segment fromHidden{hidden, columns, C};
  kernels.forwardProduct(output, outputColumns, rows, outputColumns, &fromHidden, 1, weights_.outputWeight, true);
}

/**
 * A float32 sum this close to zero has the sign of its rounding error. It counts as zero, where the slope of the ReLU
 * is 0. Otherwise no two orders of summation would agree: one such unit changes a small gradient by thousandths.
 */
constexpr float signless = 6e-7f;

void ResidualStack::predict(const TrainingCall& call) {
  const int columns = int(columns_), patch = layout_.shape.patch,
            outputColumns = int(columnsOf(layout_.shape.outputs()));
  layout_.forEachTimeBlock(call, [&](const TimeBlock& block, int, int, int worker) {
    float* hidden = scratch_[size_t(worker)].ends;
    float* output = hidden + trainingBlockPositions * columns;
    outputBlock(call, block, hidden, output);
    if (layout_.shape.windowed()) {
      return windows_.decode(call, block, output, output + trainingBlockPositions * outputColumns);
    }
    const TrainingBatch::Clip& clip = layout_.clips[block.clip];
    for (int r = 0; r < block.count; r++, output += outputColumns) {
      const int64_t sample = (block.start + r) * patch;
      if (layout_.shape.inputMask)
        call.kernels.mask(clip.prediction + sample, output, clip.audio + sample, clip.gain, patch);
      else std::memcpy(clip.prediction + sample, output, size_t(patch) * sizeof(float));
    }
  });
  if (!layout_.shape.windowed()) return;
  layout_.forEachTimeBlock(call, [&](const TimeBlock& block, int, int, int) {
    windows_.overlapAdd(block, layout_.clips[block.clip].prediction + block.start * patch);
  });
}

double ResidualStack::lossBackward(const TrainingCall& call, float* clipLosses) {
  outputBackward(call, PredictionGradient::ofLoss);
  std::vector<double> sums(size_t(layout_.count), 0.0);
  for (size_t t = 0; t < layout_.timeBlocks.size(); t++) sums[size_t(layout_.timeBlocks[t].clip)] += blockLosses_[t];
  double all = 0;
  for (int i = 0; i < layout_.count; i++) {
    all += sums[size_t(i)];
    clipLosses[i] = float(sums[size_t(i)] / double(layout_.clips[i].samples));
  }
  return all;
}

/**
 * Replaces the skips by their gradient: dHidden = W_outputᵀ · dOutput through the ReLU, and
 * dSkip = W_skipᵀ · dHidden · mean. Each group has partial sums of the output projection [outputs × columns], the skip
 * projection [C × columns], and their biases.
 */
void ResidualStack::outputBackward(const TrainingCall& call, PredictionGradient source) {
  const TrainingKernels& kernels = call.kernels;
  const int columns = int(columns_), C = int(C_), outputs = layout_.shape.outputs();
  const int outputColumns = int(columnsOf(outputs));
  const float mean = 1 / std::sqrt(float(layout_.shape.layers));
  const int groups = layout_.groups();
  const int64_t skipAt = int64_t(outputs) * columns, biasAt = skipAt + int64_t(C) * columns,
                synthesisAt = biasAt + columns + outputColumns;
  for (int g = 0; g < groups; g++) {
    std::memset(partial(g), 0, size_t(synthesisAt + windows_.partialSize()) * sizeof(float));
  }
  if (layout_.shape.windowed()) windowsLoss(call, source);
  layout_.forEachTimeBlock(call, [&](const TimeBlock& block, int number, int group, int worker) {
    float* hidden = scratch_[size_t(worker)].ends;
    float* dHidden = hidden + trainingBlockPositions * columns;
    float* dSkip = dHidden + trainingBlockPositions * columns;
    float* output = dSkip + trainingBlockPositions * columns;
    float* masked = output + trainingBlockPositions * outputColumns;
    float* skip = layout_.row(skip_, block.clip, block.start);
    float* partial = this->partial(group);
    const int rows = block.count;
    outputBlock(call, block, hidden, output);

    if (layout_.shape.windowed()) windows_.decodeBackward(call, block, output, masked, partial + synthesisAt);
    else blockLosses_[size_t(number)] = outputGradient(call, block, output, masked, source);
    kernels.outer(partial, columns, output, outputColumns, outputs, hidden, columns, columns, rows, true);
    kernels.columnSums(partial + biasAt + columns, output, outputColumns, rows, outputColumns);
    const Segment fromOutput{output, outputColumns, outputs};
    kernels.product(dHidden, columns, rows, columns, &fromOutput, 1, weights_.dHidden, false);
    for (int i = 0; i < rows * columns; i++) dHidden[i] = hidden[i] > signless ? dHidden[i] : 0.0f;
    kernels.outer(partial + skipAt, columns, dHidden, columns, C, skip, columns, columns, rows, true);
    kernels.columnSums(partial + biasAt, dHidden, columns, rows, columns);
    const Segment fromDHidden{dHidden, columns, C};
    kernels.product(dSkip, columns, rows, columns, &fromDHidden, 1, weights_.dSkip, false);
    for (int i = 0; i < rows * columns; i++) skip[i] = dSkip[i] * mean;
  });

  reduceOutput(call);
}

/** Replaces `count` predictions by ∂loss/∂prediction, and adds their loss to `loss` if it is computed here. */
static void lossGradient(const TrainingCall& call, const TrainingBatch::Clip& clip, int64_t first, int64_t count,
                         PredictionGradient source, float* prediction, double& loss) {
  if (source == PredictionGradient::given) {
    std::memcpy(prediction, clip.target + first, size_t(count) * sizeof(float));
    return;
  }
  const float scale = float(1 / double(call.samples));
  for (int64_t j = 0; j < count; j++) {
    const int64_t sample = first + j;
    const float error = prediction[j] - clip.target[sample];
    const float weight = clip.weight == nullptr ? 1.0f : clip.weight[sample];
    const float sign = float(error > 0) - float(error < 0);
    loss += weight * (call.squared ? error * error : std::fabs(error));
    prediction[j] = weight * (call.squared ? 2 * error : sign) * scale;
  }
}

void ResidualStack::windowsLoss(const TrainingCall& call, PredictionGradient source) {
  const int64_t outputColumns = columnsOf(layout_.shape.outputs());
  if (source == PredictionGradient::ofLoss) {
    layout_.forEachTimeBlock(call, [&](const TimeBlock& block, int, int, int worker) {
      float* hidden = scratch_[size_t(worker)].ends;
      float* output = hidden + trainingBlockPositions * columns_;
      outputBlock(call, block, hidden, output);
      windows_.decode(call, block, output, output + trainingBlockPositions * outputColumns);
    });
  }
  layout_.forEachTimeBlock(call, [&](const TimeBlock& block, int number, int, int) {
    float* const samples = windows_.sampleGradients(block);
    if (source == PredictionGradient::ofLoss) windows_.overlapAdd(block, samples);
    double loss = 0;
    lossGradient(call, layout_.clips[block.clip], block.start * layout_.shape.patch,
                 int64_t(block.count) * layout_.shape.patch, source, samples, loss);
    blockLosses_[size_t(number)] = loss;
    windows_.divide(block);
  });
}

double ResidualStack::outputGradient(const TrainingCall& call, const TimeBlock& block, float* output, float* masked,
                                     PredictionGradient source) {
  const TrainingKernels& kernels = call.kernels;
  const int patch = layout_.shape.patch, outputColumns = int(columnsOf(layout_.shape.outputs()));
  const TrainingBatch::Clip& clip = layout_.clips[block.clip];
  double loss = 0;
  for (int r = 0; r < block.count; r++) {
    const int64_t first = (block.start + r) * patch;
    float* const outputRow = output + r * outputColumns;
    // Holds the prediction, and later the gradient of the loss with respect to it.
    float* const prediction = layout_.shape.inputMask ? masked : outputRow;
    if (layout_.shape.inputMask && source == PredictionGradient::ofLoss)
      kernels.mask(prediction, outputRow, clip.audio + first, clip.gain, patch);
    lossGradient(call, clip, first, patch, source, prediction, loss);
    if (layout_.shape.inputMask) kernels.maskBackward(outputRow, prediction, clip.audio + first, clip.gain, patch);
  }
  return loss;
}

/** Adds the groups' partial sums of the last two projections to the gradients, in order. */
void ResidualStack::reduceOutput(const TrainingCall& call) {
  const int columns = int(columns_), C = int(C_), outputs = layout_.shape.outputs();
  const int64_t skipAt = int64_t(outputs) * columns, biasAt = skipAt + int64_t(C) * columns,
                synthesisAt = biasAt + columns + columnsOf(outputs);
  float* g = call.gradients;
  const ParameterOffsets& at = call.offsets;
  for (int group = 0; group < layout_.groups(); group++) {
    const float* partial = this->partial(group);
    for (int j = 0; j < outputs; j++) {
      for (int c = 0; c < C; c++) g[at.output.weight + j * C + c] += partial[j * columns + c];
      g[at.output.bias + j] += partial[biasAt + columns + j];
    }
    for (int o = 0; o < C; o++) {
      for (int c = 0; c < C; c++) g[at.skip.weight + int64_t(o) * C + c] += partial[skipAt + int64_t(o) * columns + c];
      g[at.skip.bias + o] += partial[biasAt + o];
    }
    if (layout_.shape.windows.learned) windows_.reduce(g + at.synthesis, partial + synthesisAt);
  }
}

/** Computes the gradients of the input projection, through its ReLU. */
void ResidualStack::inputBackward(const TrainingCall& call) {
  const TrainingKernels& kernels = call.kernels;
  const int columns = int(columns_), C = int(C_), inputs = layout_.shape.inputs();
  const int groups = layout_.groups();
  const bool learned = layout_.shape.windows.learned;
  const int64_t biasAt = int64_t(inputs) * columns, analysisAt = biasAt + columns;
  for (int g = 0; g < groups; g++) {
    std::memset(partial(g), 0, size_t(analysisAt + windows_.partialSize()) * sizeof(float));
  }
  layout_.forEachTimeBlock(call, [&](const TimeBlock& block, int, int group, int worker) {
    float* input = scratch_[size_t(worker)].ends;
    float* partial = this->partial(group);
    const Segment from = inputsOf(block);
    inputBlock(kernels, input, from, block.count, columns, weights_.inputWeight, weights_.inputBias);
    const float* dx = layout_.row(dx_, block.clip, block.start);
    for (int i = 0; i < block.count * columns; i++) input[i] = input[i] > 0 ? dx[i] : 0.0f;
    kernels.outer(partial, columns, from.a, from.stride, inputs, input, columns, columns, block.count, true);
    kernels.columnSums(partial + biasAt, input, columns, block.count, columns);
    if (learned) windows_.encodeBackward(call, block, input, partial + analysisAt);
  });
  float* g = call.gradients;
  const ParameterOffset& at = call.offsets.input;
  for (int group = 0; group < groups; group++) {
    const float* partial = this->partial(group);
    for (int c = 0; c < C; c++) {
      for (int j = 0; j < inputs; j++) g[at.weight + c * inputs + j] += partial[j * columns + c];
      g[at.bias + c] += partial[biasAt + c];
    }
    if (learned) windows_.reduce(g + call.offsets.analysis, partial + analysisAt);
  }
}

}  // namespace diffwave
