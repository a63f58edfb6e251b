// The two ends of a stream's network: the input projection, and the skip and output projections.
#include <algorithm>
#include <cstring>

#include "stream.h"

namespace diffwave {

/** y [positions × padded] of the first layer = relu(W_input · audio + bias) + step embedding. */
void Stream::feed(Pass& pass, const float* audio, int worker) {
  const NetworkShape& s = weights_->shape;
  const auto [begin, end] = advance_.fed;
  share(ceilDivide(end - begin, timeBlockPositions), worker, [&, begin = begin, end = end](int block, int by) {
    RowsTask task{};
    task.begin = begin + int64_t(block) * timeBlockPositions;
    task.end = std::min(task.begin + timeBlockPositions, end);
    task.inputShift = begin;
    if (s.windowed()) {
      task.input = pass.windows->windows(begin);
      task.scratch = scratch_[size_t(by)].data();
      task.input = encode(pass, task, task.scratch + kernelScratch_);
      task.inputShift = s.windows.envelope ? task.begin : 0;
    } else {
      task.input = {audio, INT64_MAX, s.patch};
    }
    task.steps = s.inputs();
    task.columns = weights_->padded;
    task.weights = weights_->input.data();
    task.panelRows = s.inputs();
    task.bias = weights_->inputBias.data();
    task.offset = pass.step.embedding.data();
    task.activation = Activation::relu;
    task.output = pass.inputs[0];
    task.scratch = scratch_[size_t(by)].data();
    weights_->kernels.rows(task);
    weights_->kernels.arrangeRows(task.output, task.begin, task.end, weights_->padded);
    for (int64_t p = task.begin; s.inputMask && !s.windowed() && p < task.end; p++) {
      memcpy(pass.audio.at(p), task.input.at(p - begin), size_t(s.patch) * sizeof(float));
    }
  });
}

/**
 * Computes X [positions × 2N], the coefficients of the windows, into the pass's ring, and with an envelope
 * (X / Ē, (ln E + 6) / 3) [positions × 3N] into `scratch`.
 */
ConstRing Stream::encode(Pass& pass, const RowsTask& block, float* scratch) {
  const NetworkShape& s = weights_->shape;
  if (weights_->transformsWindows()) {
    weights_->kernels.encodeWindows(
        {&weights_->transform, block.begin, block.end, block.input, block.inputShift, pass.audio, block.scratch});
  } else {
    RowsTask task = block;
    task.steps = task.panelRows = s.windows.kernel;
    task.columns = weights_->paddedSignals();
    task.weights = weights_->analysis.data();
    task.bias = weights_->noBias.data();
    task.activation = Activation::none;
    task.output = pass.audio;
    weights_->kernels.rows(task);
  }
  if (!s.windows.envelope) return readOnly(pass.audio);
  const Ring inputs{scratch, timeBlockPositions, s.inputs()};
  for (int64_t p = block.begin; p < block.end; p++) {
    weights_->kernels.windowsInput(inputs.at(p - block.begin), pass.audio.at(p), envelope_.deviations(p),
                                   envelope_.logarithms(p), s.windows.bins);
  }
  return readOnly(inputs);
}

/**
 * Runs the network's end for one time block of complete skip sums:
 * prediction = W_output · relu(W_skip · skips + bias) + bias, and with an input mask gain · f + sigmoid(l) ⊙ audio.
 */
void Stream::finish(const Pass& pass, float* prediction, int block, int worker) {
  const NetworkShape& s = weights_->shape;
  const int columns = weights_->kernels.paddedChannels(s.outputs());
  float* const scratch = scratch_[size_t(worker)].data();
  float* const hidden = scratch + kernelScratch_;
  float* const output = hidden + timeBlockPositions * weights_->padded;
  RowsTask task{};
  task.begin = advance_.emitted.begin + int64_t(block) * timeBlockPositions;
  task.end = std::min(task.begin + timeBlockPositions, advance_.emitted.end);
  task.input = readOnly(pass.skip);
  task.steps = task.panelRows = s.channels;
  task.columns = weights_->padded;
  task.weights = weights_->skip.data();
  task.bias = weights_->skipBias.data();
  task.activation = Activation::relu;
  task.output = {hidden, timeBlockPositions, weights_->padded};
  task.scratch = scratch;
  weights_->kernels.rows(task);
  task.input = readOnly(task.output);
  task.columns = columns;
  task.weights = weights_->output.data();
  task.bias = weights_->outputBias.data();
  task.activation = Activation::none;
  task.output = {output, timeBlockPositions, columns};
  weights_->kernels.rows(task);
  if (s.windowed()) return decode(pass, task, output + int64_t(timeBlockPositions) * columns);
  for (int64_t p = task.begin; p < task.end; p++) {
    float* const to = prediction + (p - advance_.emitted.begin) * s.patch;
    if (s.inputMask) weights_->kernels.mask(to, task.output.at(p), pass.audio.at(p), pass.gain, s.patch);
    else memcpy(to, task.output.at(p), size_t(s.patch) * sizeof(float));
  }
}

/** Computes Y [positions × 2N] (kernels/windows.h), and the pieces [positions × K] that it stands for. */
void Stream::decode(const Pass& pass, const RowsTask& block, float* scratch) {
  const NetworkShape& s = weights_->shape;
  const Ring coefficients{scratch, timeBlockPositions, weights_->paddedSignals()};
  for (int64_t p = block.begin; p < block.end; p++) {
    const float* const x = s.inputMask ? pass.audio.at(p) : nullptr;
    const float* const deviations = s.windows.envelope ? envelope_.deviations(p) : nullptr;
    weights_->kernels.windowsOutput(coefficients.at(p - block.begin), block.output.at(p), x, deviations, pass.gain,
                                    s.windows.bins);
  }
  if (weights_->transformsWindows()) {
    weights_->kernels.decodeWindows({&weights_->transform, block.begin, block.end, readOnly(coefficients), block.begin,
                                     pass.windows->pieces(), block.scratch});
    return;
  }
  RowsTask task = block;
  task.input = readOnly(coefficients);
  task.inputShift = block.begin;
  task.steps = task.panelRows = s.signals();
  task.columns = weights_->kernels.paddedChannels(s.windows.kernel);
  task.weights = weights_->synthesis.data();
  task.bias = weights_->noBias.data();
  task.output = pass.windows->pieces();
  weights_->kernels.rows(task);
}

}  // namespace diffwave
