/**
 * What the diffusion runs on: its data x_0, the way from audio to them and back, and the noise that belongs to them.
 * One file per domain: the waveform (waveform.ts), the waveform under PriorGrad's noise (energy-prior.ts) or under
 * noise with a front end's envelope (front-end-prior.ts), the waveform whitened by its mel (envelope-prior.ts), and
 * MDCT subbands (subbands.ts). `domainOf` picks a model's. Trainer, synthesis and repair ask the domain; none of them
 * asks which one it is.
 */

import type { Mel } from '../audio/mel/convention.js'
import { type MelReaders, readWhole } from '../audio/mel/feed.js'
import { concatenateAudio } from '../core/concatenate.js'
import type { Alignment, Polarity } from './pulse-alignment.js'

/** Data in, audio out, piece by piece. The pieces do not change a byte. */
export interface Decoder {
  /** Appends data (whole blocks) and returns the audio that has become final. */
  push(data: Float32Array): Float32Array
  /** No more data follow: returns the rest of the audio. */
  flush(): Float32Array
}

/** Standard normal numbers of a clip's samples start … start + count − 1. */
export type WhiteNoise = (start: number, count: number) => Float32Array

/** The domain's noise of samples start … start + count − 1 of a clip, from standard normal numbers. */
export type NoiseShaper = (white: WhiteNoise, start: number, count: number) => Float32Array

/** What is known of how a clip's start will be drawn. */
export interface StartOptions {
  /** Samples of the clip, if it is shorter than its mel. Default: as long as the mel. */
  readonly length?: number
}

/** What is known of how a clip's noise will be drawn. */
export interface NoiseOptions extends StartOptions {
  /**
   * How often each sample's noise is drawn, from the first sample on each time, piece after piece: what lies behind all
   * of the draws is then not kept. Default: any number of times, in any order.
   */
  readonly times?: number
}

/** The pulses that a whole mel implies, found once. */
export interface ClipPulses {
  /**
   * Where a recording's own pulses stand.
   *
   * @param recording whole positions of the network, no more than the mel covers
   */
  align(recording: Float32Array): Alignment
  /** How well a recording fits the pulses, and its inversion. @param recording as for `align` */
  polarity(recording: Float32Array): Polarity
  /**
   * What a clip starts from, as `DataDomain.start`.
   *
   * @param length in samples
   * @param later how much later than by themselves pulses come, in periods per sample. Default: not at all
   */
  start(length: number, later?: Float64Array): NoiseShaper
}

/** A pure description, made once per model. Mels are null for models without one. */
export interface DataDomain {
  /** x_0 of a whole clip, at least as long: silence fills the last block. */
  encode(audio: Float32Array, mel: Mel | null): Float32Array
  /** The way back. @param mel the clip's: frames must have arrived before their data are pushed */
  decoder(mel: MelReaders | null): Decoder
  /** The noise of a clip. @param mel as for `decoder` */
  noise(mel: MelReaders | null, options?: NoiseOptions): NoiseShaper
  /**
   * What a clip starts from, x_T, drawn once, in order: its noise, unless the prior knows more of the clip than that.
   *
   * @param mel as for `decoder`
   */
  start(mel: MelReaders | null, options?: StartOptions): NoiseShaper
  /** The pulses of a mel, for training from pulses where a recording's stand. Absent if clips start from noise. */
  readonly pulsesOf?: ((mel: Mel) => ClipPulses) | undefined
  /** Mel frames past the one a sample lies in that must have arrived before its noise is drawn. */
  readonly melContext: number
  /**
   * Weights of a clip's loss terms, as many as samples: `base`, divided by what the noise's deviation does to them
   * (PriorGrad, Lee et al. 2022, eq. 7). null: `base` everywhere.
   */
  lossWeight(mel: Mel | null, length: number, loss: 'l1' | 'l2', base: number): Float32Array | null
  /**
   * A symmetric linear map that weighs errors of the data by how well they are heard: all alike at exponent 0, as audio
   * at 1. null: errors of these data are errors of audio already.
   */
  emphasis(mel: Mel | null, exponent: number): ((data: Float32Array) => Float32Array) | null
  /** Factor of x_0 if the audio (and its mel with it) is made louder by `gain`. */
  gain(gain: number): number
  /** Samples per block: audio is encoded from a multiple of it on. */
  readonly block: number
  /** If x_0 is the waveform times a constant, that constant; else null. */
  readonly sampleScale: number | null
  /** x_0 may be rounded to multiples of this and kept as 16-bit integers; null: it may not. */
  readonly quantum: number | null
  /** Samples past a piece of data that must be there before its audio is final. */
  readonly lookAhead: number
  /** Samples on either side that a sample's data and audio depend on, there and back and there again. */
  readonly reach: number
  /** Root mean square, as data, of white audio of deviation 1; for data whitened by a mel, under a mel of gain 1. */
  readonly whiteGain: number
  /** No clean data are larger in magnitude. */
  readonly maxAbs: number
  /** Seconds beside a gap over which known audio comes to count in full. */
  readonly taper: number
}

/** Audio of a whole clip's data, as long as the data. */
export function decodeWhole(domain: DataDomain, data: Float32Array, mel: Mel | null): Float32Array {
  const decoder = domain.decoder(mel === null ? null : readWhole(mel))
  const audio = decoder.push(data)
  const rest = decoder.flush()
  return rest.length === 0 ? audio : concatenateAudio([audio, rest])
}
