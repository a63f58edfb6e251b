/**
 * Diffusion in frequency: x_0 is not the waveform but its MDCT (src/audio/transforms/mdct.ts), block after block, each band times a gain. The
 * transform is orthonormal, so noise that is white there is noise in the waveform, too, its spectrum the inverse of the gains. A
 * network whose patch is a block sees all bands of one moment as the channels of one position. For music this is the shorter
 * way: a tone is one band that goes on, where in the waveform it is a phase to be kept over thousands of samples.
 */
import { Mdct, MdctSynthesis } from '../audio/transforms/mdct.js'
import type { DiffusionConfig, SubbandsConfig } from '../model/diffusion-config.js'

/** Waveforms as data in subbands and back. */
export class Subbands {
  readonly #mdct: Mdct
  readonly #gains: Float32Array
  /** Root mean square, as data, of white audio of deviation 1. */
  readonly whiteGain: number

  constructor({ gains }: SubbandsConfig) {
    this.#mdct = new Mdct(gains.length)
    this.#gains = Float32Array.from(gains)
    this.whiteGain = Math.sqrt(gains.reduce((sum, gain) => sum + gain * gain, 0) / gains.length)
  }

  /** Coefficients times gains, `[blocks × bands]`; silence fills the last block. */
  fromAudio(audio: Float32Array): Float32Array {
    const bands = this.#gains.length
    const whole = new Float32Array(Math.ceil(audio.length / bands) * bands)
    whole.set(audio)
    return this.#mdct.forward(whole).map((value, i) => value * this.#gains[i % bands]!)
  }

  /** @param data whole blocks */
  toAudio(data: Float32Array): Float32Array {
    return this.synthesis()(data, true)
  }

  /** The way back, piece by piece: give it whole blocks, and whether they are the last, and it gives what has become final. */
  synthesis(): (data: Float32Array, last: boolean) => Float32Array {
    const synthesis = new MdctSynthesis(this.#mdct)
    const bands = this.#gains.length
    return (data, last) =>
      synthesis.push(
        data.map((value, i) => value / this.#gains[i % bands]!),
        last,
      )
  }
}

/** The subbands of a model; null where the diffusion runs on the waveform. */
export function modelSubbands({ subbands }: Pick<DiffusionConfig, 'subbands'>): Subbands | null {
  return subbands === null ? null : new Subbands(subbands)
}
