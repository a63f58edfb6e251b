#include "audio-loss.h"

#include "clip-frames.h"

namespace diffwave {

namespace {

/** Runs body(item, scratch) for each of `count` items. Each worker has scratch memory of its own. */
template <class Body>
bool forEachItem(Pool& pool, size_t count, int64_t scratchSize, const std::atomic<bool>& cancelled, const Body& body) {
  std::vector<Matrix> scratch;
  for (int i = 0; i < pool.threads(); i++) scratch.emplace_back(1, scratchSize);
  pool.forEach(int(count), [&](int item, int worker) {
    if (!cancelled.load(std::memory_order_relaxed)) body(size_t(item), scratch[size_t(worker)].row(0));
  });
  return !cancelled.load(std::memory_order_relaxed);
}

/** Makes the task of a term on a group of frames, without the fields that only `magnitude` needs. */
SpectralTask taskOf(const SpectralTerm& term, const ClipFrames& clip, const Matrix& made, const Matrix& wanted,
                    int64_t group, double* scratch) {
  const int64_t first = clip.firstFrame(group);
  SpectralTask task{};
  task.tables = term.tables;
  task.kind = term.kind;
  task.count = clip.count(group);
  task.made = made.row(0) + first;
  task.wanted = wanted.row(0) + first;
  task.blockStride = made.stride;
  task.comparedBins = term.comparedBins;
  task.share = term.share();
  task.weight = term.weight;
  task.counts = term.counts == nullptr ? nullptr : term.counts + first;
  task.offset = term.offset;
  task.scratch = scratch;
  return task;
}

void computeTerm(const SpectralTerm& term, const FrameKernels& kernels, double* scratch) {
  const int64_t frames = term.frames(), lanes = kernels.lanes;
  const ClipFrames clip(*term.tables, kernels, term.samples, frames);
  const Matrix made = clip.blocks([&](int64_t n) { return double(term.made[n]); });
  const Matrix wanted = clip.blocks([&](int64_t n) { return double(term.wanted[n]); });
  const bool hasGradient = term.weight != 0;
  const Matrix room = hasGradient ? clip.room() : Matrix();
  std::vector<double> sums(size_t(clip.groups * lanes));
  const auto takeSums = [&](int64_t offset) { std::copy_n(sums.data(), frames, term.sums + offset); };
  Matrix magnitudes, ratios;
  double unit = 0;
  const int64_t products = term.products();
  if (term.kind == SpectralKind::magnitude) {
    magnitudes = Matrix(term.comparedBins, clip.groups * lanes);
    ratios = Matrix(products, clip.groups * lanes);
    double sum = 0;
    for (int64_t group = 0; group < clip.groups; group++) {
      SpectralTask task = taskOf(term, clip, made, wanted, group, scratch);
      task.magnitudes = magnitudes.row(0) + clip.firstFrame(group);
      task.magnitudeStride = magnitudes.stride;
      task.sums = sums.data() + clip.firstFrame(group);
      kernels.spectralMagnitudes(task);
    }
    for (int64_t frame = 0; frame < frames; frame++) sum += sums[size_t(frame)];
    takeSums(frames);
    unit = 1 / (sum * term.share() + term.offset);
  }
  for (int64_t group = 0; group < clip.groups; group++) {
    const int64_t first = clip.firstFrame(group);
    SpectralTask task = taskOf(term, clip, made, wanted, group, scratch);
    task.unit = unit;
    if (term.kind == SpectralKind::magnitude) {
      task.magnitudes = magnitudes.row(0) + first;
      task.magnitudeStride = magnitudes.stride;
      task.ratios = ratios.row(0) + first;
      task.ratioStride = ratios.stride;
    }
    task.sums = sums.data() + first;
    if (hasGradient) {
      task.frames = clip.frame(room, first);
      task.frameStride = room.stride;
    }
    kernels.spectralTerm(task);
  }
  takeSums(0);
  for (int64_t frame = 0; ratios.stride > 0 && frame < frames; frame++) {
    for (int64_t i = 0; i < products; i++) term.ratios[frame * products + i] = ratios.row(i)[frame];
  }
  if (hasGradient) {
    clip.addUp(room, [&](int64_t n, double sum) { term.gradient[n] = sum; });
  } else {
    std::fill_n(term.gradient, term.samples, 0.0);
  }
}

void differentiateClip(const CorrectedClip& pass, const FrameTables& t, const FrameKernels& kernels, double* scratch) {
  const ClipFrames clip(t, kernels, pass.samples, pass.frames);
  const Matrix input = clip.blocks([&](int64_t n) { return double(pass.input[n]); });
  const Matrix byResult = clip.blocks([&](int64_t n) {
    // Σ of squared windows over the sample, oldest frame first.
    const int64_t at = n + t.size / 2, last = std::min(at / t.hop, pass.frames - 1);
    double squares = 0;
    for (int64_t frame = std::max(int64_t(0), (at - t.size) / t.hop); frame <= last; frame++) {
      const int64_t i = at - frame * t.hop;
      if (i < t.size) squares += t.window[i] * t.window[i];
    }
    return double(pass.byResult[n]) / std::max(squares, 1e-12);
  });
  const Matrix room = clip.room();
  Matrix targets(t.bands, clip.groups * kernels.lanes);
  for (int64_t frame = 0; frame < pass.frames; frame++) {
    for (int band = 0; band < t.bands; band++) targets.row(band)[frame] = pass.targets[frame * t.bands + band];
  }
  for (int64_t group = 0; group < clip.groups; group++) {
    const int64_t first = clip.firstFrame(group);
    kernels.correctionGradient({&t, clip.count(group), input.row(0) + first, byResult.row(0) + first, input.stride,
                                targets.row(0) + first, targets.stride, clip.frame(room, first), room.stride, scratch});
  }
  clip.addUp(room, [&](int64_t n, double sum) { pass.gradient[n] = float(sum); });
}

}  // namespace

bool computeTerms(Pool& pool, const FrameKernels& kernels, const std::vector<SpectralTerm>& terms,
                  const std::atomic<bool>& cancelled) {
  int64_t scratch = 0;
  for (const SpectralTerm& term : terms) scratch = std::max(scratch, kernels.spectralScratchSize(term.tables->size));
  return forEachItem(pool, terms.size(), scratch, cancelled,
                     [&](size_t i, double* memory) { computeTerm(terms[i], kernels, memory); });
}

bool differentiateCorrection(Pool& pool, const FrameKernels& kernels, const FrameTables& tables,
                             const std::vector<CorrectedClip>& clips, const std::atomic<bool>& cancelled) {
  return forEachItem(pool, clips.size(), kernels.gradientScratchSize(tables), cancelled,
                     [&](size_t i, double* memory) { differentiateClip(clips[i], tables, kernels, memory); });
}

}  // namespace diffwave
