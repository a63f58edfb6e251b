/** The public API: re-exports, nothing else. */
export type { Label, LabelledPart } from './audio/audio-files.js'
export { type ConventionName, type Mel, type MelConvention, namedConventions } from './audio/convention.js'
export { melSpectrogram } from './audio/mel.js'
export { resample } from './audio/resample.js'
export { type Audio, readWav, type WavFormat, type WavOptions, writeWav } from './audio/wav.js'
export { type AudioPieces, type WavStreamOptions, wavBytes, writeWavStream } from './audio/wav-stream.js'
export type { MelPieces, MelSource } from './diffusion/mel-pieces.js'
export type { Progress } from './diffusion/reverse.js'
export type { Engine, LossGradients } from './engines/engine.js'
export { DiffWaveError, type ErrorCode } from './errors.js'
export type { ClipAudio } from './evaluation/clip-set.js'
export { type Measurements, measures } from './evaluation/compare.js'
export {
  evaluateGenerator,
  type GeneratorEvaluation,
  type GeneratorEvaluationOptions,
} from './evaluation/generator-evaluation.js'
export { folderSystem, griffinLimSystem, type System } from './evaluation/system.js'
export {
  evaluateVocoder,
  type VocoderEvaluation,
  type VocoderEvaluationOptions,
} from './evaluation/vocoder-evaluation.js'
export { type MelFile, readMel, writeMel } from './formats/mel-file.js'
export { openMel, type StoredMel } from './formats/mel-stream.js'
export {
  type GeneratedClip,
  type GenerateOptions,
  Generator,
  type GeneratorStreamOptions,
} from './generator.js'
export type { InpaintOptions } from './inpainting.js'
export { type LoadModelOptions, loadModel, shippedModels } from './load-model.js'
export type { ModelConfig, ModelConfigInput, SamplerName } from './model/config.js'
export { Model, type ModelLossRequest, type ModelNoiseRequest } from './model.js'
export type { Denoised, DenoiseOptions, InterpolateOptions, Restored } from './restoration.js'
export type { AudioStream, OnProgress, Synthesis } from './synthesis-options.js'
export { type TunedSchedule, type TuneOptions, tune, withTunedSchedules } from './tuning.js'
export { type BatchOptions, type StreamOptions, type SynthesizeOptions, Vocoder } from './vocoder.js'
