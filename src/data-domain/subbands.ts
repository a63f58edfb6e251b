/**
 * Diffusion in frequency: x_0 is the waveform's MDCT (src/audio/transforms/mdct.ts), block after block, each band times
 * a gain. The transform is orthonormal, so noise that is white there is noise in the waveform too, with the inverse of
 * the gains as its spectrum. A network whose patch is a block sees all bands of one moment as the channels of one
 * position. For music this is the shorter way: a steady tone is one band that stays on, where in the waveform it is a
 * phase to be kept over thousands of samples.
 */
import type { Mel } from '../audio/mel/convention.js'
import type { MelReaders } from '../audio/mel/feed.js'
import { Mdct, MdctSynthesis } from '../audio/transforms/mdct.js'
import type { SubbandsConfig } from '../model/diffusion-config.js'
import type { DataDomain, Decoder } from './data-domain.js'
import { WhiteDomain } from './white-domain.js'

export class SubbandsDomain extends WhiteDomain implements DataDomain {
  /** Samples per block, which is as many as bands. */
  readonly block: number
  readonly melContext = 0
  readonly sampleScale = null
  readonly quantum = null
  readonly lookAhead: number
  readonly reach = 0
  readonly whiteGain: number
  readonly maxAbs = Number.POSITIVE_INFINITY
  readonly taper = 0
  readonly #mdct: Mdct
  readonly #gains: Float32Array

  constructor({ gains }: SubbandsConfig) {
    super()
    this.#mdct = new Mdct(gains.length)
    this.#gains = Float32Array.from(gains)
    this.block = gains.length
    // A block reaches half a block into the next.
    this.lookAhead = gains.length / 2
    this.whiteGain = Math.sqrt(gains.reduce((sum, gain) => sum + gain * gain, 0) / gains.length)
  }

  /** Coefficients times gains, `[blocks × bands]`. */
  encode(audio: Float32Array, _mel: Mel | null): Float32Array {
    const bands = this.block
    const whole = new Float32Array(Math.ceil(audio.length / bands) * bands)
    whole.set(audio)
    return this.#mdct.forward(whole).map((value, i) => value * this.#gains[i % bands]!)
  }

  decoder(_mel: MelReaders | null): Decoder {
    const synthesis = new MdctSynthesis(this.#mdct)
    const bands = this.block
    return {
      push: data =>
        synthesis.push(
          data.map((value, i) => value / this.#gains[i % bands]!),
          false,
        ),
      flush: () => synthesis.push(new Float32Array(0), true),
    }
  }

  emphasis(_mel: Mel | null, _exponent: number): null {
    return null
  }

  gain(gain: number): number {
    return gain
  }
}
