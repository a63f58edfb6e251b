/** The public API: re-exports, nothing else. */

export type { Audio, Recording } from './audio/audio.js'
export { readAudio } from './audio/codecs/decode.js'
export { readWav } from './audio/codecs/wav.js'
export { type WavFormat, type WavOptions, writeWav } from './audio/codecs/wav-encode.js'
export { type AudioPieces, wavBytes, writeWavStream } from './audio/codecs/wav-stream.js'
export type { Label, LabelledPart } from './audio/labels.js'
export { type ConventionName, type Mel, type MelConvention, namedConventions } from './audio/mel/convention.js'
export { melSpectrogram } from './audio/mel/mel.js'
export type { MelPieces, MelSource } from './audio/mel/source.js'
export { resample } from './audio/resample.js'
export { DiffWaveError, type ErrorCode } from './core/errors.js'
export type { OnProgress, Progress } from './core/progress.js'
export { Denoiser, type DenoiserLossRequest, type DenoiserRequest } from './denoiser/denoiser.js'
export { type LoadModelOptions, loadModel, shippedModels } from './denoiser/load-model.js'
export type { Engine, LossGradients } from './engines/engine.js'
export type { ClipAudio } from './evaluation/generator/clip-set.js'
export {
  evaluateGenerator,
  type GeneratorEvaluation,
  type GeneratorEvaluationOptions,
} from './evaluation/generator/generator-evaluation.js'
export { type Measurements, measures } from './evaluation/vocoder/compare.js'
export { folderSystem, griffinLimSystem, type System } from './evaluation/vocoder/system.js'
export {
  evaluateVocoder,
  type VocoderEvaluation,
  type VocoderEvaluationOptions,
} from './evaluation/vocoder/vocoder-evaluation.js'
export { type MelFile, type ReadMelOptions, readMel, writeMel } from './formats/mel-file.js'
export { openMel, type StoredMel } from './formats/mel-stream.js'
export {
  GeneratedClip,
  type GenerateOptions,
  Generator,
  type GeneratorStreamOptions,
} from './generator.js'
export type { ModelConfig, ModelConfigInput } from './model/config.js'
export type { SamplerName } from './model/diffusion-config.js'
export { Denoised, type DenoiseOptions } from './repair/denoising.js'
export type { InpaintOptions } from './repair/inpainting.js'
export type { InterpolateOptions } from './repair/interpolation.js'
export { Restored, type StartLevelOptions } from './repair/start-level.js'
export type { SamplingOptions, WholeClipOptions } from './synthesis/options.js'
export { type AudioStream, Synthesis, type SynthesisFields } from './synthesis/result.js'
export type { OnStep, SamplingStep } from './synthesis/watch.js'
export { type TunedSchedule, type TuneOptions, type TuneProgress, tune, withTunedSchedules } from './tuning/tune.js'
export { type BatchOptions, type StreamOptions, type SynthesizeOptions, Vocoder } from './vocoder.js'
