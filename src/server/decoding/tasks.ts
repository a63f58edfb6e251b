/**
 * What is done to the bytes of requests: decoding, resampling, mel spectrograms, comparison. These are the parts of the
 * work that would hold up the event loop, so they run in worker threads (decoder-pool.ts).
 */
import { decodeAudio } from '../../audio/codecs/decode.js'
import type { Mel, MelConvention } from '../../audio/mel/convention.js'
import { readWhole } from '../../audio/mel/feed.js'
import { checkMelFor, melSpectrogram } from '../../audio/mel/mel.js'
import { melNotes } from '../../audio/mel/notes.js'
import { resample } from '../../audio/resample.js'
import { DiffWaveError } from '../../core/errors.js'
import { decodeWhole } from '../../data-domain/data-domain.js'
import { domainOf } from '../../data-domain/domain-of.js'
import { diffuse } from '../../diffusion/forward.js'
import { seededNoise } from '../../diffusion/noise.js'
import { COMPARED_RATE, compare, type Measurements, MIN_SAMPLES } from '../../evaluation/vocoder/compare.js'
import { decodeMel, type ReadMelOptions } from '../../formats/mel-tensor.js'
import { isNpy } from '../../formats/npy.js'
import { isZip } from '../../formats/zip.js'
import type { ModelConfig } from '../../model/config.js'

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
  /** ᾱ of the noise level. */
  readonly alphaBar: number
  readonly seed: number
  readonly maxSeconds: number
}

/** x_t of a recording, as audio. */
interface Noised extends DecodedRecording {
  /** Signal-to-noise ratio in dB; −∞ for silence. */
  readonly snr: number
}

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
  const samples = await resample(decoded.samples, decoded.sampleRate, sampleRate)
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

/** Whether bytes begin as one of the formats of arrays: `.npy`, `.npz` and `.pt` (zip or pickle), safetensors. */
export function looksLikeTensors(bytes: Uint8Array): boolean {
  if (isNpy(bytes) || isZip(bytes) || bytes[0] === 0x80) return true
  if (bytes.length < 9 || bytes[8] !== 0x7b) return false
  // A safetensors file starts with the size of its JSON header.
  const size = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true)
  return size <= BigInt(bytes.length - 8)
}

async function vocoderInput(request: VocoderInputRequest): Promise<VocoderInput> {
  const { bytes, convention, maxSeconds } = request
  if (!looksLikeTensors(bytes)) {
    const { samples, sampleRate, notes } = await recording({ bytes, sampleRate: convention.sampleRate, maxSeconds })
    return { mel: melSpectrogram({ samples, sampleRate }, convention), recording: samples, notes }
  }
  const file = decodeMel(bytes, { ...request.mel, bands: convention.bands }, WHERE)
  const seconds = (file.mel.frames * convention.hop) / convention.sampleRate
  if (seconds > maxSeconds) throw tooLong(seconds, maxSeconds)
  checkMelFor(file.mel, convention, WHERE)
  const transposed = file.transposed ? ['The mel is [frames × bands]: it was transposed.'] : []
  return { mel: file.mel, recording: null, notes: [...transposed, ...melNotes(file.mel, convention)] }
}

/** x_t = √ᾱ·x_0 + √(1 − ᾱ)·ε of a recording, with the noise from which a synthesis with this seed starts. */
async function noised({ bytes, config, alphaBar, seed, maxSeconds }: NoisedRequest): Promise<Noised> {
  const { samples, sampleRate, notes } = await recording({ bytes, sampleRate: config.sampleRate, maxSeconds })
  const domain = domainOf(config)
  const mel = config.mel === null ? null : melSpectrogram({ samples, sampleRate }, config.mel)
  const data = domain.encode(samples, mel)
  const white = seededNoise(seed)
  const shape = domain.noise(mel === null ? null : readWhole(mel))
  const noise = shape((start, count) => white(0, start, count), 0, data.length)
  const audio = (x: Float32Array) => decodeWhole(domain, x, mel).slice(0, samples.length)
  const power = (x: Float32Array) => x.reduce((sum, value) => sum + value * value, 0)
  const ratio = (alphaBar * power(samples)) / ((1 - alphaBar) * power(audio(noise)))
  return { samples: audio(diffuse(data, noise, alphaBar)), sampleRate, snr: 10 * Math.log10(ratio), notes }
}

/** The measures of each copy against the original. */
async function measured(request: CompareRequest): Promise<Omit<Measurements, 'realTimeFactor'>[]> {
  const at = (samples: Float32Array) => resample(samples, request.sampleRate, COMPARED_RATE)
  const original = await at(request.original)
  if (original.length < MIN_SAMPLES) {
    throw new DiffWaveError('BAD_AUDIO', 'the recording is too short to be compared', {
      expected: `at least ${MIN_SAMPLES} samples at ${COMPARED_RATE} Hz`,
      got: String(original.length),
      where: WHERE,
    })
  }
  const rows: Omit<Measurements, 'realTimeFactor'>[] = []
  for (const made of request.made) rows.push(compare(original, await at(made)))
  return rows
}

export const tasks = { recording, mel, vocoderInput, noised, measured } as const
export type TaskName = keyof typeof tasks
export type TaskRequest<Name extends TaskName> = Parameters<(typeof tasks)[Name]>[0]
export type TaskResult<Name extends TaskName> = Awaited<ReturnType<(typeof tasks)[Name]>>
