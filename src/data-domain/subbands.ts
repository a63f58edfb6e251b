/**
 * Diffusion on subbands: x_0 is the MDCT of the waveform (src/audio/transforms/mdct.ts), with a gain for each band. The
 * transform is orthonormal, so white noise on the subbands is noise in the waveform, too, with the inverse of the gains
 * as its spectrum. A network whose patch is one block sees all bands of a moment as the channels of one position. This
 * suits music: a steady tone is a single band that stays on, while in the waveform it is a phase to keep over thousands
 * of samples.
 */
import type { Mel } from '../audio/mel/convention.js'
import type { MelReaders } from '../audio/mel/feed.js'
import { Mdct, MdctSynthesis } from '../audio/transforms/mdct.js'
import type { SubbandsConfig } from '../model/diffusion-config.js'
import { BaseDomain } from './base-domain.js'
import type { Decoder } from './data-domain.js'

export class SubbandsDomain extends BaseDomain {
  /** Number of samples per block, which is the number of bands. */
  override readonly block: number
  override readonly lookAhead: number
  override readonly reach: number
  readonly whiteGain: number
  readonly #mdct: Mdct
  readonly #gains: Float32Array

  constructor({ gains }: SubbandsConfig) {
    super()
    this.#mdct = new Mdct(gains.length)
    this.#gains = Float32Array.from(gains)
    this.block = gains.length
    // Blocks overlap by half a block.
    this.lookAhead = gains.length / 2
    // Half a block each for M, M⁻¹ and M again, and the block at an end of the audio, which overlaps on one side only.
    this.reach = 2.5 * gains.length
    this.whiteGain = Math.sqrt(gains.reduce((sum, gain) => sum + gain * gain, 0) / gains.length)
  }

  /** The MDCT times the gains, `[blocks × bands]`. */
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
}
