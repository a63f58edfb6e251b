// Entry points of whole batches: loss and gradients, or either half of a training pass.
#include <algorithm>

#include "../reference/reference.h"
#include "entry-points.h"
#include "job.h"

namespace diffwave {
namespace {

struct BatchJob : Job {
  enum class Part { whole, forward, backward };

  BatchJob(Engine* engine, Part part) : Job(engine), part(part) {}
  double execute() override;
  double executeReference() const;
  TrainingBatch batch() const { return {clips.data(), int(clips.size()), squared}; }

  const Part part;
  const float* parameters = nullptr;
  std::vector<TrainingBatch::Clip> clips;
  bool squared = false;
  float* gradients = nullptr;  // null if only the network's output is wanted
  float* clipLosses = nullptr;
};

/** Copies a clip for the reference, which owns its arrays. */
ReferenceClip<float> referenceClip(const TrainingBatch::Clip& clip, const NetworkShape& shape) {
  ReferenceClip<float> r;
  r.audio.assign(clip.audio, clip.audio + clip.samples);
  if (clip.target != nullptr) r.target.assign(clip.target, clip.target + clip.samples);
  if (clip.weight != nullptr) r.weight.assign(clip.weight, clip.weight + clip.samples);
  r.sinusoids.assign(clip.sinusoids, clip.sinusoids + shape.embedding);
  r.gain = clip.gain;
  if (clip.mel != nullptr) r.mel.assign(clip.mel, clip.mel + clip.frames * shape.bands);
  r.frames = clip.frames;
  r.melOffset = clip.melOffset;
  r.label = clip.label;
  if (clip.deviations != nullptr) {
    r.deviations.assign(clip.deviations, clip.deviations + clip.samples / shape.patch * shape.windows.bins);
  }
  return r;
}

double BatchJob::execute() {
  if (engine->training == nullptr) return executeReference();
  double loss = 0;
  Training& training = *engine->training;
  const TrainingOutcome outcome =
      part == Part::forward    ? training.forward(parameters, batch(), cancelled)
      : part == Part::backward ? training.backward(parameters, batch(), gradients, cancelled)
                               : training.lossGradients(parameters, batch(), gradients, &loss, clipLosses, cancelled);
  switch (outcome) {
    case TrainingOutcome::cancelled: return resultCancelled;
    case TrainingOutcome::outOfMemory: return resultOutOfMemory;
    case TrainingOutcome::done: break;
  }
  return loss;
}

/** Runs the batch on the readable reference: loss and gradients, or without room for gradients the predictions. */
double BatchJob::executeReference() const {
  std::vector<ReferenceClip<float>> references;
  for (const auto& clip : clips) references.push_back(referenceClip(clip, engine->shape));
  double loss = 0;
  if (gradients != nullptr) {
    loss = referenceLossGradients(engine->shape, parameters, references, squared, gradients, clipLosses, cancelled);
  } else {
    for (size_t i = 0; i < clips.size(); i++) {
      const auto prediction = referencePredict(engine->shape, parameters, references[i], cancelled);
      std::copy(prediction.begin(), prediction.end(), clips[i].prediction);
    }
  }
  return cancelled->load(std::memory_order_relaxed) ? resultCancelled : loss;
}

/** Reads one clip of a request. @param learns whether it has a target, instead of room for the prediction */
TrainingBatch::Clip readClip(const Js& js, napi_value from, const NetworkShape& shape, bool learns) {
  TrainingBatch::Clip clip{};
  clip.audio = js.floats(js.property(from, "audio"), -1, &clip.samples);
  require(clip.samples > 0 && clip.samples % shape.patch == 0, "the audio has the wrong length");
  clip.sinusoids = js.floats(js.property(from, "sinusoids"), shape.embedding);
  clip.gain = float(js.number(js.property(from, "gain")));
  clip.label = js.integer(js.property(from, "label"), -1, int64_t(shape.labels) - 1, "unknown label");
  if (learns) {
    clip.target = js.floats(js.property(from, "target"), clip.samples);
    const napi_value weight = js.property(from, "weight");
    if (!js.isNothing(weight)) clip.weight = js.floats(weight, clip.samples);
  } else {
    clip.prediction = js.floats(js.property(from, "prediction"), clip.samples);
  }
  if (shape.windows.envelope) {
    clip.deviations = js.floats(js.property(from, "deviations"), clip.samples / shape.patch * shape.windows.bins);
  }
  if (shape.conditioner == Conditioner::none) return clip;
  clip.frames = js.integer(js.property(from, "frames"));
  clip.melOffset = js.integer(js.property(from, "melOffset"));
  constexpr int64_t limit = int64_t(1) << 32;  // so that no product below overflows
  require(clip.frames > 0 && clip.frames < limit && clip.melOffset >= 0 && clip.melOffset < limit * shape.hop &&
              clip.melOffset % shape.hop == 0 && clip.melOffset + clip.samples <= clip.frames * shape.hop,
          "the audio is longer than its mel");
  clip.mel = js.floats(js.property(from, "mel"), clip.frames * shape.bands);
  return clip;
}

/**
 * Reads { parameters, clips: [{ audio, sinusoids, gain, label, target?, weight?, mel?, frames, melOffset, deviations?,
 * prediction? }], squared?, gradients?, clipLosses?, cancelled: Uint8Array } and starts the work.
 */
napi_value startBatch(const Js& js, napi_value* arguments, BatchJob::Part part) {
  Engine* engine = engineOf(js, arguments[0]);
  const bool isReference = engine->target == nullptr;
  require(isReference || engine->training != nullptr, "the engine was disposed");
  auto job = std::make_unique<BatchJob>(engine, part);
  const napi_value request = arguments[1];
  job->parameters = js.floats(js.property(request, "parameters"), engine->parameterCount);
  const napi_value gradients = js.property(request, "gradients"), clips = js.property(request, "clips");
  const bool learns = part != BatchJob::Part::forward && !js.isNothing(gradients);
  const uint32_t count = js.length(clips);
  require(count > 0, "the batch is empty");
  require(isReference ? part == BatchJob::Part::whole : learns || part == BatchJob::Part::forward,
          "predictions come from streams");
  if (learns) job->gradients = js.floats(gradients, engine->parameterCount);
  if (learns && part == BatchJob::Part::whole) {
    job->clipLosses = js.floats(js.property(request, "clipLosses"), count);
    job->squared = js.boolean(js.property(request, "squared"));
  }
  job->cancelled = js.cancelFlag(js.property(request, "cancelled"));
  for (uint32_t i = 0; i < count; i++) {
    job->clips.push_back(readClip(js, js.element(clips, i), engine->shape, learns));
  }
  require(part != BatchJob::Part::backward || (learns && engine->training->awaits(job->batch())),
          "no forward pass of this batch came before");
  return Job::start(js, std::move(job));
}

}  // namespace

napi_value run(const Js& js, napi_value* arguments) { return startBatch(js, arguments, BatchJob::Part::whole); }

napi_value runForward(const Js& js, napi_value* arguments) {
  return startBatch(js, arguments, BatchJob::Part::forward);
}

napi_value runBackward(const Js& js, napi_value* arguments) {
  return startBatch(js, arguments, BatchJob::Part::backward);
}

}  // namespace diffwave
