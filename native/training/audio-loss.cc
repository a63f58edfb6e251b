#include "audio-loss.h"

#include "clip-frames.h"

namespace diffwave {

namespace {

/** Runs body(item, scratch) for each of `count` items. Each worker has scratch memory of its own. */
template <class Body>
bool forEachItem(Pool& pool, size_t count, int64_t scratchSize, const std::atomic<bool>& cancelled, const Body& body) {
  std::vector<Matrix> scratch;
  for (int i = 0; i < pool.threads(); i++) scratch.push_back(Matrix::unset(1, scratchSize));
  pool.forEach(int(count), [&](int item, int worker) {
    if (!cancelled.load(std::memory_order_relaxed)) body(size_t(item), scratch[size_t(worker)].row(0));
  });
  return !cancelled.load(std::memory_order_relaxed);
}

/** Working memory of one term: its audio in blocks under the frames, and what the kernels write per frame. */
struct TermWork {
  TermWork(const SpectralTerm& term, const FrameKernels& kernels)
      : clip(*term.tables, kernels, term.samples, term.frames()),
        made(clip.blocks([&](int64_t n) { return double(term.made[n]); })),
        wanted(clip.blocks([&](int64_t n) { return double(term.wanted[n]); })),
        sums(size_t(clip.groups * kernels.lanes)) {
    if (term.weight != 0) gradient = clip.room();
    if (term.kind != SpectralKind::magnitude) return;
    magnitudes = Matrix(term.comparedBins, clip.groups * kernels.lanes);
    ratios = Matrix(term.products(), clip.groups * kernels.lanes);
  }

  const ClipFrames clip;
  const Matrix made, wanted;
  std::vector<double> sums;   // [frames]
  Matrix gradient;            // windowed frames, if the gradient is computed
  Matrix magnitudes, ratios;  // for `magnitude`
};

/** Makes the task of a term on a group of frames. magnitudeUnit: 1/(mean |X| + c), or 0 while it is not known. */
SpectralTask taskOf(const SpectralTerm& term, TermWork& work, int64_t group, double magnitudeUnit, double* scratch) {
  const int64_t first = work.clip.firstFrame(group);
  SpectralTask task{};
  task.tables = term.tables;
  task.kind = term.kind;
  task.count = work.clip.count(group);
  task.made = work.made.row(0) + first;
  task.wanted = work.wanted.row(0) + first;
  task.blockStride = work.made.stride;
  task.comparedBins = term.comparedBins;
  task.share = term.share();
  task.weight = term.weight;
  task.counts = term.counts == nullptr ? nullptr : term.counts + first;
  task.offset = term.offset;
  task.unit = magnitudeUnit;
  task.sums = work.sums.data() + first;
  task.scratch = scratch;
  if (term.kind == SpectralKind::magnitude) {
    task.magnitudes = work.magnitudes.row(0) + first;
    task.magnitudeStride = work.magnitudes.stride;
    task.ratios = work.ratios.row(0) + first;
    task.ratioStride = work.ratios.stride;
  }
  if (term.weight != 0) {
    task.frames = work.clip.frame(work.gradient, first);
    task.frameStride = work.gradient.stride;
  }
  return task;
}

/** Computes |X| of all frames and their sums. Returns 1/(mean |X| + c), the unit of differences of magnitudes. */
double measureMagnitudes(const SpectralTerm& term, TermWork& work, const FrameKernels& kernels, double* scratch) {
  for (int64_t group = 0; group < work.clip.groups; group++) {
    kernels.spectralMagnitudes(taskOf(term, work, group, 0, scratch));
  }
  double sum = 0;
  for (int64_t frame = 0; frame < term.frames(); frame++) sum += work.sums[size_t(frame)];
  std::copy_n(work.sums.data(), term.frames(), term.sums + term.frames());
  return 1 / (sum * term.share() + term.offset);
}

void computeTerm(const SpectralTerm& term, const FrameKernels& kernels, double* scratch) {
  TermWork work(term, kernels);
  const int64_t frames = term.frames(), products = term.products();
  const bool comparesMagnitudes = term.kind == SpectralKind::magnitude;
  const double unit = comparesMagnitudes ? measureMagnitudes(term, work, kernels, scratch) : 0;
  for (int64_t group = 0; group < work.clip.groups; group++) {
    kernels.spectralTerm(taskOf(term, work, group, unit, scratch));
  }
  std::copy_n(work.sums.data(), frames, term.sums);
  for (int64_t frame = 0; comparesMagnitudes && frame < frames; frame++) {
    for (int64_t i = 0; i < products; i++) term.ratios[frame * products + i] = work.ratios.row(i)[frame];
  }
  if (term.weight != 0) work.clip.addUp(work.gradient, [&](int64_t n, double sum) { term.gradient[n] = sum; });
  else std::fill_n(term.gradient, term.samples, 0.0);
}

/** Σ of squared windows of `frames` frames over a sample, counted from the first frame's start, oldest frame first. */
double squaredWindows(const FrameTables& t, int64_t sample, int64_t frames) {
  constexpr double tiny = 1e-12;  // TINY of src/audio/mel/correction.ts
  const int64_t last = std::min(sample / t.hop, frames - 1);
  double squares = 0;
  for (int64_t frame = std::max(int64_t(0), (sample - t.size) / t.hop); frame <= last; frame++) {
    const int64_t i = sample - frame * t.hop;
    if (i < t.size) squares += t.window[i] * t.window[i];
  }
  return std::max(squares, tiny);
}

void differentiateClip(const CorrectedClip& pass, const FrameTables& t, const FrameKernels& kernels, double* scratch) {
  const ClipFrames clip(t, kernels, pass.samples, pass.frames);
  const Matrix input = clip.blocks([&](int64_t n) { return double(pass.input[n]); });
  const Matrix byResult =
      clip.blocks([&](int64_t n) { return double(pass.byResult[n]) / squaredWindows(t, n + t.size / 2, pass.frames); });
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
