/**
 * What is done to the bytes of requests: decoding, resampling, mel spectrograms, comparison. These are the parts of the
 * work that would hold up the event loop, so they run in worker threads (decoder-pool.ts). What only studying needs is
 * loaded when it is asked for, which halves the modules that a thread starts with.
 */
import { decodeAudio } from '../../audio/codecs/decode.js'
import { checkMelFor } from '../../audio/mel/check-mel.js'
import type { Mel, MelConvention } from '../../audio/mel/convention.js'
import { coveredSamples, melSpectrogram } from '../../audio/mel/mel.js'
import { melNotes } from '../../audio/mel/notes.js'
import { resample } from '../../audio/resample.js'
import { DiffWaveError } from '../../core/errors.js'
import type { Measurements } from '../../evaluation/vocoder/measures.js'
import { decodeMel, type ReadMelOptions } from '../../formats/mel-tensor.js'
import { looksLikeTensors } from '../../formats/tensor-file.js'
import type { ModelConfig } from '../../model/config.js'
import type { Noised } from '../../synthesis/noised.js'

/** How a body is named in errors. */
const WHERE = 'the body'

/** A decoded recording. */
export interface DecodedRecording {
  readonly samples: Float32Array
  /** Hz. */
  readonly sampleRate: number
  /** What is odd about the file, one sentence each. */
  readonly notes: readonly string[]
}

/** What a vocoder is to make audio of. */
export interface VocoderInput {
  /** `[bands × frames]` in the model's convention. */
  readonly mel: Mel
  /** The recording, at the model's rate, if the body was one. */
  readonly recording: Float32Array | null
  /** Number of samples to make: the recording's, as far as the mel covers it, else the mel's. */
  readonly length: number
  readonly notes: readonly string[]
}

interface RecordingRequest {
  readonly bytes: Uint8Array
  /** Hz; null: the recording's own. */
  readonly sampleRate: number | null
  /** Longest recording that is taken. */
  readonly maxSeconds: number
}

interface MelRequest {
  readonly bytes: Uint8Array
  readonly convention: MelConvention
  readonly maxSeconds: number
}

interface VocoderInputRequest extends MelRequest {
  /** Which mel of the file (`ReadMelOptions`). */
  readonly mel: Omit<ReadMelOptions, 'bands'>
}

interface NoisedRequest {
  readonly bytes: Uint8Array
  readonly config: ModelConfig
  /** Step of the training schedule; it may be fractional. */
  readonly t: number
  readonly seed: number
  readonly maxSeconds: number
}

/** x_t of a recording, as audio. */
interface NoisedRecording extends Noised, Pick<DecodedRecording, 'notes'> {}

interface CompareRequest {
  readonly original: Float32Array
  readonly made: readonly Float32Array[]
  /** Of all of them, Hz. */
  readonly sampleRate: number
}

function tooLong(seconds: number, maxSeconds: number): DiffWaveError {
  return new DiffWaveError('TOO_LARGE', 'the audio is too long', {
    expected: `at most ${maxSeconds} s`,
    got: `${seconds.toFixed(1)} s`,
    where: WHERE,
    hint: 'Send it in shorter parts.',
  })
}

async function recording({ bytes, sampleRate, maxSeconds }: RecordingRequest): Promise<DecodedRecording> {
  const decoded = await decodeAudio(bytes, WHERE, { maxSeconds })
  const { notes } = decoded
  if (sampleRate === null || sampleRate === decoded.sampleRate) {
    return { samples: decoded.samples, sampleRate: decoded.sampleRate, notes }
  }
  const { samples } = await resample(decoded, sampleRate)
  return {
    samples,
    sampleRate,
    notes: [...notes, `The recording was resampled from ${decoded.sampleRate} to ${sampleRate} Hz.`],
  }
}

async function mel({ bytes, convention, maxSeconds }: MelRequest): Promise<Mel> {
  const { samples, sampleRate } = await recording({ bytes, sampleRate: convention.sampleRate, maxSeconds })
  return melSpectrogram({ samples, sampleRate }, convention)
}

async function vocoderInput(request: VocoderInputRequest): Promise<VocoderInput> {
  const { bytes, convention, maxSeconds } = request
  if (!looksLikeTensors(bytes)) {
    const { samples, sampleRate, notes } = await recording({ bytes, sampleRate: convention.sampleRate, maxSeconds })
    const mel = melSpectrogram({ samples, sampleRate }, convention)
    return { mel, recording: samples, length: coveredSamples(samples.length, mel, convention), notes }
  }
  const file = decodeMel(bytes, { ...request.mel, bands: convention.bands }, WHERE)
  const length = file.mel.frames * convention.hop
  const seconds = length / convention.sampleRate
  if (seconds > maxSeconds) throw tooLong(seconds, maxSeconds)
  checkMelFor(file.mel, convention, WHERE)
  const transposed = file.transposed ? ['The mel is [frames × bands]: it was transposed.'] : []
  return { mel: file.mel, recording: null, length, notes: [...transposed, ...melNotes(file.mel, convention)] }
}

/** x_t of a recording. */
async function noisedRecording({ bytes, config, t, seed, maxSeconds }: NoisedRequest): Promise<NoisedRecording> {
  const { noised } = await import('../../synthesis/noised.js')
  const { notes, ...audio } = await recording({ bytes, sampleRate: config.sampleRate, maxSeconds })
  return { ...noised(audio, config, { t, seed }), notes }
}

/** The measures of each copy against the original. */
async function measured({
  original,
  made,
  sampleRate,
}: CompareRequest): Promise<Omit<Measurements, 'realTimeFactor'>[]> {
  const { compareCopies } = await import('../../evaluation/vocoder/compare-copies.js')
  return compareCopies(original, made, sampleRate, WHERE)
}

export const tasks = { recording, mel, vocoderInput, noised: noisedRecording, measured } as const
export type TaskName = keyof typeof tasks
export type TaskRequest<Name extends TaskName> = Parameters<(typeof tasks)[Name]>[0]
export type TaskResult<Name extends TaskName> = Awaited<ReturnType<(typeof tasks)[Name]>>
