/** The public API in a browser: as in Node.js, but without files, training and evaluation, and with a player. */

export type { Audio, Recording } from '../audio/audio.js'
export { readWav } from '../audio/codecs/read-wav.js'
export type { WavFormat } from '../audio/codecs/wav-bytes.js'
export { encodeWav, type WavOptions } from '../audio/codecs/wav-encode.js'
export { writeWav } from '../audio/codecs/wav-file.browser.js'
export { type AudioPieces, wavBytes } from '../audio/codecs/wav-stream.js'
export type { Gap } from '../audio/gap.js'
export {
  type AffineNormalisation,
  type ConventionName,
  type Mel,
  type MelConvention,
  namedConventions,
  type StandardNormalisation,
} from '../audio/mel/convention.js'
export { type GriffinLimOptions, griffinLim } from '../audio/mel/griffin-lim.js'
export { melSpectrogram } from '../audio/mel/mel.js'
export { clippedShare, melNotes } from '../audio/mel/notes.js'
export {
  conventionWith,
  convertMel,
  type MelLogarithm,
  type MelNumbers,
  type MelStatisticsOfBands,
  rescaleMel,
} from '../audio/mel/rescale.js'
export type { MelPieces, MelSource } from '../audio/mel/source.js'
export { type ResampleOptions, resample } from '../audio/resample.js'
export type { Callback } from '../core/callback.js'
export { DiffWaveError, type ErrorCode, type ErrorDetails } from '../core/errors.js'
export type { FileInput } from '../core/file-input.js'
export type { ExpectedFile, FileFacts, FileSource, ReadFileOptions } from '../core/file-source.js'
export type { OnProgress, Progress } from '../core/progress.js'
export type { Tensor, Tensors } from '../core/tensor.js'
export { Denoiser, type DenoiserLossRequest, type DenoiserRequest } from '../denoiser/denoiser.js'
export { type LoadModelOptions, loadModel } from '../denoiser/load-model.js'
export type { Engine, NoiseStream } from '../engines/engine.js'
export type { MelFile, ReadMelOptions, ReadMelsOptions } from '../formats/mel-tensor.js'
export { readMel, readMels } from '../formats/read-mel.js'
export { GeneratedClip, type GenerateOptions, Generator, type GeneratorStreamOptions } from '../generator.js'
export type { ModelConfig } from '../model/config.js'
export type { SamplerName } from '../model/diffusion-config.js'
export type { DownloadOptions } from '../model/download-options.js'
export type { DirectoryHandle, ModelInput, NamedBlob } from '../model/model-input.js'
export type { NetworkConfig } from '../model/network.js'
export { Denoised, type DenoiseOptions } from '../repair/denoising.js'
export type { InpaintOptions } from '../repair/inpainting.js'
export type { InterpolateOptions } from '../repair/interpolation.js'
export { Restored, type StartLevelOptions } from '../repair/start-level.js'
export type { SamplingOptions, WholeClipOptions } from '../synthesis/options.js'
export { type AudioStream, Synthesis, type SynthesisFields } from '../synthesis/result.js'
export type { OnStep, SamplingStep } from '../synthesis/sampling-step.js'
export {
  type AnalysedAudio,
  type AnalyseOptions,
  type BatchOptions,
  type StreamOptions,
  type SynthesizeOptions,
  Vocoder,
  type VocoderConfig,
} from '../vocoder.js'
export { type Played, type PlayOptions, playStream } from './player.js'
