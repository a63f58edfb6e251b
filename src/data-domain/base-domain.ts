/**
 * What data domains have in common unless they say otherwise: clips start from white noise, and each sample of the data
 * is computed by itself.
 */
import type { Mel } from '../audio/mel/convention.js'
import type { MelReaders } from '../audio/mel/feed.js'
import type { DataDomain, Decoder, NoiseOptions, NoiseShaper, StartOptions } from './data-domain.js'

export abstract class BaseDomain implements DataDomain {
  readonly block: number = 1
  readonly melContext: number = 0
  readonly sampleScale: number | null = null
  readonly quantum: number | null = null
  readonly lookAhead: number = 0
  readonly reach: number = 0
  readonly maxAbs: number = Number.POSITIVE_INFINITY
  readonly taper: number = 0
  abstract readonly whiteGain: number

  abstract encode(audio: Float32Array, mel: Mel | null): Float32Array

  abstract decoder(mel: MelReaders | null): Decoder

  noise(_mel: MelReaders | null, _options?: NoiseOptions): NoiseShaper {
    return (white, start, count) => white(start, count)
  }

  start(mel: MelReaders | null, options?: StartOptions): NoiseShaper {
    return this.noise(mel, { ...options, times: 1 })
  }

  lossWeight(_mel: Mel | null, _length: number, _loss: 'l1' | 'l2', _base: number): Float32Array | null {
    return null
  }

  emphasis(_mel: Mel | null, _exponent: number): ((data: Float32Array) => Float32Array) | null {
    return null
  }

  gain(gain: number): number {
    return gain
  }
}
