/**
 * The data domain: what the diffusion runs on. It says what the clean data x_0 are, how audio becomes data and data
 * become audio, and what noise the process adds. Trainer, synthesis and repair know only this interface.
 *
 * There is one file per domain:
 *
 * - waveform.ts: the waveform times a constant, with white noise
 * - energy-prior.ts: the waveform, with noise as loud as the mel (PriorGrad)
 * - front-end-prior.ts: the waveform, with noise that has the envelope of the windowed front end
 * - envelope-prior.ts: the waveform whitened by its mel, with white noise (SpecGrad)
 * - subbands.ts: the MDCT of the waveform, with white noise
 *
 * `domainOf` makes the domain of a model.
 */
import type { Mel } from '../audio/mel/convention.js'
import { type MelReaders, readWhole } from '../audio/mel/feed.js'
import { concatenateAudio } from '../core/concatenate.js'
import type { Alignment, Polarity } from './pulse-alignment.js'

/** Turns data into audio, piece by piece. The audio does not depend on how the data are cut into pieces. */
export interface Decoder {
  /** Appends data, in whole blocks, and returns the audio that is now final. */
  push(data: Float32Array): Float32Array
  /** Ends the data and returns the rest of the audio. */
  flush(): Float32Array
}

/** Returns the standard normal numbers of samples start … start + count − 1 of a clip. */
export type WhiteNoise = (start: number, count: number) => Float32Array

/** Turns standard normal numbers into the domain's noise, for samples start … start + count − 1 of a clip. */
export type NoiseShaper = (white: WhiteNoise, start: number, count: number) => Float32Array

/** What the caller knows about the draw of a clip's start x_T. */
export interface StartOptions {
  /** Length of the clip in samples, if it is shorter than its mel. Default: the length of the mel. */
  readonly length?: number
}

/** What the caller knows about the draws of a clip's noise. */
export interface NoiseOptions extends StartOptions {
  /**
   * How many times the noise of the clip is drawn, each time in order from the first sample. If it is given, memory is
   * freed behind the slowest draw. Default: any number of draws, in any order, so that everything is kept.
   */
  readonly times?: number
}

/** The pulses at the pitch of a whole mel, found once. */
export interface ClipPulses {
  /**
   * Finds where the recording's own pulses are, relative to these.
   *
   * @param recording a whole number of network positions, at most as long as the mel
   */
  align(recording: Float32Array): Alignment
  /** How well the recording and its inversion fit the pulses. @param recording as in `align` */
  polarity(recording: Float32Array): Polarity
  /**
   * As `DataDomain.start`, for a whole clip.
   *
   * @param length of the clip in samples
   * @param later delay of the pulses in periods, one number per sample. Default: no delay
   */
  start(length: number, later?: Float64Array): NoiseShaper
}

/**
 * The data domain of one model; one object serves all of its clips. For a model without a mel, every `mel` is null.
 */
export interface DataDomain {
  /** The data x_0 of a whole clip. The last block is filled up with silence, so there may be more data than samples. */
  encode(audio: Float32Array, mel: Mel | null): Float32Array
  /** Starts to decode the data of one clip. @param mel of the clip; frames must arrive before their data are pushed */
  decoder(mel: MelReaders | null): Decoder
  /** The noise that is added to a clip's data. @param mel as in `decoder` */
  noise(mel: MelReaders | null, options?: NoiseOptions): NoiseShaper
  /**
   * What a clip starts from, x_T: the noise, or what a prior with harmonics makes of noise and pulses. It is drawn
   * once, in order from the first sample.
   *
   * @param mel as in `decoder`
   */
  start(mel: MelReaders | null, options?: StartOptions): NoiseShaper
  /**
   * The pulses of a mel, for training in which they stand where the recording's own pulses are. Absent if clips start
   * from noise alone.
   */
  readonly pulsesOf?: ((mel: Mel) => ClipPulses) | undefined
  /** Number of mel frames after the one a sample lies in that must arrive before the noise of that sample is drawn. */
  readonly melContext: number
  /**
   * Weight of each sample in the loss: `base`, divided by the noise's deviation for L1, by its square for L2
   * (PriorGrad, Lee et al. 2022, eq. 7). Null if the weight is `base` everywhere.
   */
  lossWeight(mel: Mel | null, length: number, loss: 'l1' | 'l2', base: number): Float32Array | null
  /**
   * A symmetric linear map that weights errors of the data by how audible they are. With exponent 0 all errors count
   * alike; with 1 they count as in the decoded audio. Null if errors of the data are already errors of audio.
   */
  emphasis(mel: Mel | null, exponent: number): ((data: Float32Array) => Float32Array) | null
  /** The factor by which x_0 grows if the audio, and its mel with it, is amplified by `gain`. */
  gain(gain: number): number
  /** Number of samples per block. Audio can be encoded from any multiple of it on. */
  readonly block: number
  /** If x_0 is the waveform times a constant, that constant; else null. */
  readonly sampleScale: number | null
  /** Step in which x_0 may be rounded, to be stored as 16-bit integers. Null if it may not be rounded. */
  readonly quantum: number | null
  /** Number of samples that must follow a piece of data before its audio is final. */
  readonly lookAhead: number
  /** Number of samples on either side that affect a sample if audio is encoded, decoded and encoded again. */
  readonly reach: number
  /** Root mean square of the data of white noise of deviation 1. For data whitened by a mel: under a mel of gain 1. */
  readonly whiteGain: number
  /** Largest magnitude of clean data. */
  readonly maxAbs: number
  /** Seconds beside a gap over which the weight of the known audio rises to 1 (src/repair). */
  readonly taper: number
}

/**
 * Returns the data of samples start … start + count − 1 of a clip, `start` a multiple of the domain's block. Past the
 * clip's last block there are none, so there may be fewer than `count`.
 */
export type DataReader = (start: number, count: number) => Float32Array

/**
 * Encodes a clip without a mel part by part, with the bytes of the whole: of each part and the blocks beside it. Data
 * without a mel depend on the audio of their own block and of those next to it only. The data of a long clip are then
 * never in memory whole.
 */
export function encodedInParts(domain: DataDomain, audio: Float32Array): DataReader {
  const { block } = domain
  return (start, count) => {
    const from = Math.max(0, start - block)
    const to = (Math.ceil((start + count) / block) + 1) * block
    const data = domain.encode(audio.subarray(from, to), null)
    return data.subarray(start - from, start - from + count)
  }
}

/** Decodes the data of a whole clip. @returns audio as long as the data */
export function decodeWhole(domain: DataDomain, data: Float32Array, mel: Mel | null): Float32Array {
  const decoder = domain.decoder(mel === null ? null : readWhole(mel))
  const audio = decoder.push(data)
  const rest = decoder.flush()
  return rest.length === 0 ? audio : concatenateAudio([audio, rest])
}
