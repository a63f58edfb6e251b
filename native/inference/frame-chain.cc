#include "frame-chain.h"

#include <algorithm>
#include <limits>
#include <new>

#include "../rounding.h"

namespace diffwave {

namespace {

/** Smallest divisor of an overlap-add: TINY of src/audio/mel/phase-refinement.ts and correction.ts. */
constexpr double tiny = 1e-12;
/** The last frame of a clip whose end is not known. Sums with it do not overflow. */
constexpr int64_t never = std::numeric_limits<int64_t>::max() / 2;
/**
 * Number of blocks of a sweep. With it the frames of two stages, one of which is read while the other is written, stay
 * in the second-level cache.
 */
constexpr int64_t sweepBlocks = 32, sweepBlocksOfLongFrames = 16;
/** Size from which frames are long. */
constexpr int longFrame = 8192;
/**
 * Largest memory of a chain. Frames of 4096 samples with a hop of 64, closer than in any mel in use, take 23 MB. A
 * model's config may ask for 16,384 samples with a hop of 1. That would take 19 GB.
 */
constexpr int64_t maxBytes = int64_t(1) << 31;

}  // namespace

FrameTables FrameChainSettings::tables() {
  const double* next = weights.data();
  for (MelFilter& filter : filters) {
    filter.weights = next;
    next += filter.count;
  }
  const int overlap = (size + hop - 1) / hop, bins = size / 2 + 1;
  return {size, hop,     overlap,  bins,       bands,  window.data(), roots.data(), filters.data(), columnSums.data(),
          unit, squared, momentum, relaxation, updates};
}

FrameChain::FrameChain(FrameChainSettings settings, const FrameKernels& kernels, Pool& pool)
    : settings_(std::move(settings)), kernels_(kernels), pool_(pool) {
  FrameChainSettings& s = settings_;
  tables_ = s.tables();
  const int overlap = tables_.overlap, bins = tables_.bins;
  const int64_t lanes = kernels.lanes;
  span_ = overlap - 1;
  capacity_ = s.size < longFrame ? std::max(sweepBlocks, lanes * pool.threads()) : sweepBlocksOfLongFrames;
  margin_ = roundedUp(span_, lanes);
  columns_ = margin_ + roundedUp(capacity_ + 2 * span_, lanes) + lanes;
  targetStride_ = s.stages * span_ + columns_;
  // The frames' and the spectra's matrices, what each stage keeps, and the targets. The other matrices have at most as
  // many rows as one of the first.
  const int64_t real = sizeof(double), spectrum = refines() ? 2 * bins * int64_t(sizeof(float)) : 0;
  const int64_t matrices = columns_ * (2 * s.size * real + 2 * spectrum);
  const int64_t kept = s.stages * span_ * (2 * s.hop * real + spectrum);
  if (matrices + kept + s.bands * targetStride_ * real > maxBytes) throw std::bad_alloc();
  audio_ = Matrix::unset(s.hop, columns_);
  divisors_ = Matrix::unset(s.hop, columns_);
  for (Matrix& frames : frames_) frames = Matrix(s.size, columns_);
  for (Buffer& spectra : spectra_) {
    if (!refines()) break;
    spectra = Buffer(2 * bins * columns_);
    if (!spectra.ok()) throw std::bad_alloc();
    std::fill_n(spectra.data(), spectra.size(), 0.0f);
  }
  steadyDivisors_ = Matrix::unset(1, s.hop);
  squaredWindows(span_, never, steadyDivisors_.row(0), 1);
  for (int i = 0; i < pool.threads(); i++) {
    ranges_.emplace_back(s.hop, columns_);
    scratch_.push_back(Matrix::unset(1, kernels.scratchSize(s.size)));
  }
  stages_.resize(size_t(s.stages));
  for (Stage& stage : stages_) stage.carry.resize(size_t(s.hop * span_));
  targets_.resize(size_t(s.bands * targetStride_));
  partialBlock_.resize(size_t(s.hop));
  // The samples before the clip's first are zero.
  blocks_ = s.padding / s.hop;
  partialSamples_ = s.padding % s.hop;
  stages_[0].waiting = blocks_;
  stages_[0].blocks.resize(size_t(s.hop * blocks_));
}

/** Σ of squared windows over a block, of frames up to `lastFrame`, oldest first. It is at least `tiny`. */
void FrameChain::squaredWindows(int64_t block, int64_t lastFrame, double* sums, int64_t stride) const {
  const int hop = settings_.hop;
  for (int h = 0; h < hop; h++) {
    double sum = 0;
    for (int64_t frame = std::max(int64_t(0), block - span_); frame <= std::min(block, lastFrame); frame++) {
      const int64_t i = (block - frame) * hop + h;
      if (i < settings_.size) sum += settings_.window[size_t(i)] * settings_.window[size_t(i)];
    }
    sums[h * stride] = std::max(sum, tiny);
  }
}

int64_t FrameChain::framesTaken(int64_t samples, bool last) const {
  if (!last) return minFramesTaken(samples, last);
  const int64_t frames = (fed_ + samples) / settings_.hop + (refines() ? 0 : 1);
  return std::max(int64_t(0), frames - (firstTarget_ + targetCount_));
}

int64_t FrameChain::minFramesTaken(int64_t samples, bool last) const {
  if (last && refines()) return framesTaken(samples, last);
  const int64_t blocks = (settings_.padding + fed_ + samples) / settings_.hop;
  return std::max(int64_t(0), blocks - span_ - (firstTarget_ + targetCount_));
}

/** Appends targets, and drops those that the last stage has passed. */
void FrameChain::takeTargets(const double* targets, int64_t frames) {
  const int bands = settings_.bands;
  const int64_t used = std::min(stages_.back().frame - firstTarget_, targetCount_);
  for (int band = 0; band < bands; band++) {
    double* const row = targets_.data() + band * targetStride_;
    std::copy(row + used, row + targetCount_, row);
    for (int64_t i = 0; i < frames; i++) row[targetCount_ - used + i] = targets[i * bands + band];
  }
  firstTarget_ += used;
  targetCount_ += frames - used;
}

int64_t FrameChain::push(const float* samples, int64_t count, bool last, const double* targets, int64_t frames,
                         float* out, const std::atomic<bool>& cancelled) {
  const int64_t hop = settings_.hop;
  int64_t at = 0, written = 0;
  fed_ += count;
  const int64_t lastFrame = last ? firstTarget_ + targetCount_ + frames - 1 : never, end = settings_.padding + fed_;
  // The samples after the clip's last are zero, until the last stage has made its last block.
  const int64_t total = !last       ? end / hop
                        : fed_ == 0 ? blocks_
                                    : (end + hop - 1) / hop + int64_t(settings_.stages) * span_;
  while (blocks_ < total) {
    if (cancelled.load(std::memory_order_relaxed)) return -1;
    const int64_t blocks = std::min(total - blocks_, capacity_);
    for (int64_t b = 0; b < blocks; b++) {
      for (int64_t h = 0; h < hop; h++) {
        audio_.row(h)[b] = h < partialSamples_ ? partialBlock_[size_t(h)] : at < count ? samples[at++] : 0;
      }
      partialSamples_ = 0;
    }
    blocks_ += blocks;
    const int64_t added = std::clamp(blocks_ - span_ - (firstTarget_ + targetCount_), int64_t(0), frames);
    takeTargets(targets, added);
    targets += added * settings_.bands;
    frames -= added;
    written += writeOutput(sweep(blocks, lastFrame), out + written);
  }
  while (at < count) partialBlock_[size_t(partialSamples_++)] = samples[at++];
  return written;
}

/** Sends the blocks in `audio_` through all stages. */
FrameChain::Output FrameChain::sweep(int64_t blocks, int64_t lastFrame) {
  Output output{blocks_ - blocks, blocks, 0, nullptr, nullptr, nullptr, 0};
  for (size_t i = 0; i < stages_.size(); i++) output = runStage(i, output, lastFrame);
  return output;
}

FrameChain::Output FrameChain::runStage(size_t number, const Output& from, int64_t lastFrame) {
  Stage& stage = stages_[number];
  const int64_t total = stage.waiting + from.blocks, blocks = std::max(int64_t(0), total - span_);
  const int64_t frames = std::clamp(lastFrame + 1 - stage.frame, int64_t(0), blocks);
  if (refines() && number + 1 < stages_.size()) placeSpectra(stages_[number + 1], spectra_[(number + 1) % 2].data());
  runFrames(number, from, frames);
  if (refines() && number > 0) keepSpectra(stage, spectra_[number % 2].data(), frames, stage.held + from.frames);
  keepBlocks(stage, from, blocks, total);
  if (from.stage != nullptr) keepCarry(stages_[number - 1], *from.sums, from.blocks);
  Output output{stage.frame, blocks, frames, &stage, &frames_[number % 2], nullptr, 0};
  setDivisors(output, lastFrame);
  stage.frame += blocks;
  return output;
}

/** Processes a stage's next frames. Each worker takes a range of them. */
void FrameChain::runFrames(size_t number, const Output& from, int64_t frames) {
  Stage& stage = stages_[number];
  const int64_t lanes = kernels_.lanes, groups = ceilDivide(frames, lanes);
  Matrix& sums = frames_[number % 2];
  // The columns after the frames count as zeros. The kernel clears those of the last group.
  int64_t& used = framesUsed_[number % 2];
  for (int64_t i = 0; groups * lanes < used && i < settings_.size; i++) {
    std::fill(sums.row(i) + margin_ + groups * lanes, sums.row(i) + margin_ + used, 0.0);
  }
  used = groups * lanes;
  static constexpr float zeros[64] = {};
  const int64_t next = number + 1 < stages_.size() ? stages_[number + 1].held : 0;
  const int parts = int(std::min(groups, int64_t(pool_.threads())));
  pool_.forEach(parts, [&](int part, int worker) {
    const int64_t begin = groups * part / parts * lanes, end = std::min(frames, groups * (part + 1) / parts * lanes);
    const Matrix& range = ranges_[size_t(worker)];
    takeBlocks(stage, from, begin, end + span_, range);
    for (int64_t frame = begin; frame < end; frame += lanes) {
      FrameTask task{};
      task.tables = &tables_;
      task.count = int(std::min(lanes, end - frame));
      task.blocks = range.row(0) + frame - begin;
      task.blockStride = range.stride;
      task.targets = targets_.data() + stage.frame + frame - firstTarget_;
      task.targetStride = targetStride_;
      if (refines()) {
        task.previous = number == 0 ? zeros : spectra_[number % 2].data() + frame;
        task.previousStride = number == 0 ? 0 : columns_;
        task.spectra = spectra_[(number + 1) % 2].data() + next + frame;
        task.spectraStride = columns_;
      }
      task.frames = sums.row(0) + margin_ + frame;
      task.frameStride = sums.stride;
      task.scratch = scratch_[size_t(worker)].row(0);
      (refines() ? kernels_.refine : kernels_.correct)(task);
    }
  });
}

/** Copies blocks [begin, end) of a stage: the ones that have waited, then the ones that arrive. */
void FrameChain::takeBlocks(const Stage& stage, const Output& from, int64_t begin, int64_t end,
                            const Matrix& to) const {
  const int64_t waited = std::clamp(stage.waiting - begin, int64_t(0), end - begin);
  const int64_t first = begin + waited - stage.waiting, last = end - stage.waiting;
  for (int h = 0; h < settings_.hop; h++) {
    if (waited > 0) std::copy_n(stage.blocks.data() + h * stage.waiting + begin, waited, to.row(h));
    if (from.stage == nullptr) std::copy(audio_.row(h) + first, audio_.row(h) + last, to.row(h) + waited);
  }
  if (from.stage == nullptr || first >= last) return;
  kernels_.overlap({&tables_, first, last, from.sums->row(0) + margin_, from.sums->stride, from.stage->carry.data(),
                    span_, from.divisors, from.divisorStride, to.row(0) + waited, to.stride});
  if (!refines()) keepWithinClip(from.first + first, last - first, to.row(0) + waited, to.stride);
}

/** Rounds blocks to floats, and clears what lies outside the clip, as the input of a correction's next pass. */
void FrameChain::keepWithinClip(int64_t firstBlock, int64_t blocks, double* to, int64_t stride) const {
  const int64_t hop = settings_.hop, begin = settings_.padding - firstBlock * hop, end = begin + fed_;
  for (int64_t h = 0; h < hop; h++) {
    double* const row = to + h * stride;
    for (int64_t b = 0; b < blocks; b++) {
      const int64_t sample = b * hop + h;
      row[b] = sample >= begin && sample < end ? double(float(row[b])) : 0;
    }
  }
}

/** Keeps the blocks that wait for the next sweep. */
void FrameChain::keepBlocks(Stage& stage, const Output& from, int64_t begin, int64_t end) {
  const Matrix& range = ranges_[0];
  takeBlocks(stage, from, begin, end, range);
  stage.waiting = end - begin;
  stage.blocks.resize(size_t(settings_.hop * stage.waiting));
  for (int h = 0; h < settings_.hop; h++) {
    std::copy_n(range.row(h), stage.waiting, stage.blocks.data() + h * stage.waiting);
  }
}

/** Keeps the sums of a stage's frames over the blocks from `begin` on. Later frames will be added to them. */
void FrameChain::keepCarry(Stage& stage, const Matrix& sums, int64_t begin) {
  if (span_ == 0) return;
  const Matrix& range = ranges_[0];
  kernels_.overlap({&tables_, begin, begin + span_, sums.row(0) + margin_, sums.stride, stage.carry.data(), span_,
                    nullptr, 0, range.row(0), range.stride});
  for (int h = 0; h < settings_.hop; h++) std::copy_n(range.row(h), span_, stage.carry.data() + h * span_);
}

void FrameChain::placeSpectra(const Stage& stage, float* to) const {
  for (int64_t i = 0; i < 2 * tables_.bins; i++) {
    std::copy_n(stage.spectra.data() + i * stage.held, stage.held, to + i * columns_);
  }
}

void FrameChain::keepSpectra(Stage& stage, const float* from, int64_t begin, int64_t end) {
  stage.held = end - begin;
  stage.spectra.resize(size_t(2 * tables_.bins * stage.held));
  for (int64_t i = 0; i < 2 * tables_.bins; i++) {
    std::copy_n(from + i * columns_ + begin, stage.held, stage.spectra.data() + i * stage.held);
  }
}

/** Finds the divisors of a stage's blocks. Away from the clip's ends all blocks have the same. */
void FrameChain::setDivisors(Output& output, int64_t lastFrame) {
  if (output.first >= span_ && output.first + output.blocks - 1 <= lastFrame) {
    output.divisors = steadyDivisors_.row(0);
    return;
  }
  output.divisors = divisors_.row(0);
  output.divisorStride = divisors_.stride;
  std::fill_n(divisors_.row(0), settings_.hop * divisors_.stride, 1.0);
  for (int64_t b = 0; b < output.blocks; b++) {
    squaredWindows(output.first + b, lastFrame, divisors_.row(0) + b, divisors_.stride);
  }
}

/** Writes the part of the last stage's blocks that lies in the clip. Returns the number of samples. */
int64_t FrameChain::writeOutput(const Output& output, float* out) {
  Stage& stage = stages_.back();
  const Matrix& range = ranges_[0];
  const int64_t hop = settings_.hop;
  kernels_.overlap({&tables_, 0, output.blocks, output.sums->row(0) + margin_, output.sums->stride, stage.carry.data(),
                    span_, output.divisors, output.divisorStride, range.row(0), range.stride});
  int64_t written = 0;
  for (int64_t b = 0; b < output.blocks; b++) {
    const int64_t start = (output.first + b) * hop - settings_.padding;
    for (int64_t h = std::max(int64_t(0), -start); h < std::min(hop, fed_ - start); h++) {
      out[written++] = float(range.row(h)[b]);
    }
  }
  keepCarry(stage, *output.sums, output.blocks);
  written_ += written;
  return written;
}

}  // namespace diffwave
