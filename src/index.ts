/** The public API: re-exports, nothing else. */

export type { Audio, Recording } from './audio/audio.js'
export { readAudio } from './audio/codecs/decode.js'
export type { DecodeOptions } from './audio/codecs/mono.js'
export { readWav } from './audio/codecs/read-wav.js'
export type { WavFormat } from './audio/codecs/wav-bytes.js'
export { encodeWav, type WavOptions } from './audio/codecs/wav-encode.js'
export { writeWav, writeWavStream } from './audio/codecs/wav-file.js'
export { type AudioPieces, wavBytes } from './audio/codecs/wav-stream.js'
export type { Gap } from './audio/gap.js'
export type { Label, LabelledPart } from './audio/labels.js'
export {
  type AffineNormalisation,
  type ConventionName,
  type Mel,
  type MelConvention,
  namedConventions,
  type StandardNormalisation,
} from './audio/mel/convention.js'
export { type GriffinLimOptions, griffinLim } from './audio/mel/griffin-lim.js'
export { melSpectrogram } from './audio/mel/mel.js'
export { clippedShare, melNotes } from './audio/mel/notes.js'
export {
  conventionWith,
  convertMel,
  type MelLogarithm,
  type MelNumbers,
  type MelStatisticsOfBands,
  rescaleMel,
} from './audio/mel/rescale.js'
export type { MelPieces, MelSource } from './audio/mel/source.js'
export { type ResampleOptions, resample } from './audio/resample.js'
export type { Callback } from './core/callback.js'
export { DiffWaveError, type ErrorCode, type ErrorDetails } from './core/errors.js'
export type { FileInput } from './core/file-input.js'
export type { ExpectedFile, FileFacts, FileSource, ReadFileOptions } from './core/file-source.js'
export type { PathLike } from './core/path.js'
export type { OnProgress, Progress } from './core/progress.js'
export type { Tensor, Tensors } from './core/tensor.js'
export { Denoiser, type DenoiserLossRequest, type DenoiserRequest } from './denoiser/denoiser.js'
export { type LoadModelOptions, loadModel } from './denoiser/load-model.js'
export type {
  BackwardRequest,
  ClipBatch,
  Engine,
  LossGradients,
  LossRequest,
  NoiseStream,
  PredictRequest,
  StreamRequest,
} from './engines/engine.js'
export { type EngineSurvey, surveyEngines } from './engines/select.js'
export type { Accuracy, ClassifierResult, LabelAccuracy } from './evaluation/generator/clip-classifier.js'
export type { ClipAudio } from './evaluation/generator/clip-set.js'
export { evaluateGenerator } from './evaluation/generator/evaluate-generator.js'
export type {
  AlikePair,
  Distances,
  Diversity,
  GeneratorEvaluation,
  GeneratorEvaluationOptions,
  SetName,
} from './evaluation/generator/generator-evaluation.js'
export type { SoundCharacter } from './evaluation/generator/sound-character.js'
export type { LeftOut } from './evaluation/recordings.js'
export type { Spread } from './evaluation/statistics/moments.js'
export { type Measure, type MeasureInfo, type Measurements, measures } from './evaluation/vocoder/measures.js'
export { folderSystem, griffinLimSystem, type Original, type System } from './evaluation/vocoder/system.js'
export {
  evaluateVocoder,
  type FileEvaluation,
  type VocoderEvaluation,
  type VocoderEvaluationOptions,
} from './evaluation/vocoder/vocoder-evaluation.js'
export { type ExportedOnnx, type ExportOnnxOptions, exportOnnx } from './export/onnx/export-onnx.js'
export type { OnnxPort } from './export/onnx/graphs.js'
export {
  type ExportedPyTorch,
  type ExportPyTorchOptions,
  exportPyTorch,
  type PyTorchProject,
} from './export/pytorch.js'
export { type ExportSafetensorsOptions, exportSafetensors } from './export/safetensors.js'
export type { Exported, ExportOptions, ExportSource, ExportWeightsOptions, WeightType } from './export/source.js'
export { type ExportedTriton, type ExportTritonOptions, exportTriton } from './export/triton.js'
export { writeMel } from './formats/mel-file.js'
export { readMelStatistics } from './formats/mel-statistics.js'
export { openMel, openMels, type StoredMel } from './formats/mel-stream.js'
export type { MelFile, ReadMelOptions, ReadMelsOptions } from './formats/mel-tensor.js'
export { readMel, readMels } from './formats/read-mel.js'
export type { AudioSummary, ImageSummary, ScalarSummary, Summary as EventSummary } from './formats/tfevents-writer.js'
export {
  GeneratedClip,
  type GenerateOptions,
  Generator,
  type GeneratorStreamOptions,
} from './generator.js'
export type { ModelConfig, ModelConfigInput } from './model/config.js'
export { type ConvertOptions, convert, writeModel } from './model/convert.js'
export type { SamplerName } from './model/diffusion-config.js'
export type { DownloadOptions } from './model/download-options.js'
export type { DirectoryHandle, ModelInput } from './model/model-input.js'
export type { NetworkConfig } from './model/network.js'
export type { ImportedModel, ImportHints, ModelFiles, ModelSource, ReadModel } from './model/read-model.js'
export type { RemoteOptions } from './model/remote/options.js'
export { shippedModels } from './model/shipped-models.js'
export { Denoised, type DenoiseOptions } from './repair/denoising.js'
export type { InpaintOptions } from './repair/inpainting.js'
export type { InterpolateOptions } from './repair/interpolation.js'
export { Restored, type StartLevelOptions } from './repair/start-level.js'
export {
  describeModel,
  type ModelDescription,
  type ScheduleFacts,
  type WindowFacts,
} from './synthesis/describe-model.js'
export type { SamplingOptions, WholeClipOptions } from './synthesis/options.js'
export { type AudioStream, Synthesis, type SynthesisFields } from './synthesis/result.js'
export type { OnStep, SamplingStep } from './synthesis/sampling-step.js'
export { Trainer, type TrainerOptions, type TrainerRunOptions } from './trainer.js'
export type { TrainingConfig, TrainingConfigInput } from './training/config.js'
export type { Clip, Dataset, DatasetReport, LeftOutRecording } from './training/data/dataset.js'
export type { DatasetLoading, DatasetMels, DatasetOptions, LoadProgress } from './training/data/dataset-options.js'
export { loadDataset } from './training/data/load-dataset.js'
export type { LeftOutReason } from './training/data/recording.js'
export type { Preview } from './training/preview.js'
export type { TrainingStep, TrainingSummary } from './training/run/training-step.js'
export { type TunedSchedule, type TuneOptions, type TuneProgress, tune } from './tuning/tune.js'
export { withTunedSchedules } from './tuning/tuned-config.js'
export {
  type AnalysedAudio,
  type AnalyseOptions,
  type BatchOptions,
  type StreamOptions,
  type SynthesizeOptions,
  Vocoder,
  type VocoderConfig,
} from './vocoder.js'
