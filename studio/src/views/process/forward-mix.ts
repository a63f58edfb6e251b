/**
 * The forward process of one recording for every t at once. x_t = √ᾱ·x₀ + √(1 − ᾱ)·ε is a mix of two sounds, also if
 * the model diffuses in another domain, since all of them are linear. Two of the service's x_t are enough to find both.
 */
import { loudnessOf, playbackGain } from '../../audio/loudness.js'
import { numberFact, type Sound } from '../../audio/sound.js'

export class ForwardMix {
  /** x₀ and ε as audio. */
  readonly clean: Sound
  readonly noise: Sound
  readonly #cleanPower: number
  readonly #noisePower: number

  /** @param first @param last x_t of the cleanest and the noisiest step, with their `alphaBar` as a fact */
  constructor(first: Sound, last: Sound) {
    const [a0, b0] = gains(numberFact(first.facts, 'alphaBar', 1))
    const [a1, b1] = gains(numberFact(last.facts, 'alphaBar', 0))
    const determinant = a0 * b1 - b0 * a1
    const clean = new Float32Array(first.samples.length)
    const noise = new Float32Array(first.samples.length)
    for (let i = 0; i < clean.length; i++) {
      const [x0, x1] = [first.samples[i]!, last.samples[i]!]
      clean[i] = (b1 * x0 - b0 * x1) / determinant
      noise[i] = (a0 * x1 - a1 * x0) / determinant
    }
    const { sampleRate } = first
    this.clean = { samples: clean, sampleRate, facts: {} }
    this.noise = { samples: noise, sampleRate, facts: {} }
    this.#cleanPower = loudnessOf(clean).rms ** 2
    this.#noisePower = loudnessOf(noise).rms ** 2
  }

  /** x_t as audio. */
  at(alphaBar: number): Sound {
    const [a, b] = gains(alphaBar)
    const [clean, noise] = [this.clean.samples, this.noise.samples]
    const samples = new Float32Array(clean.length)
    for (let i = 0; i < samples.length; i++) samples[i] = a * clean[i]! + b * noise[i]!
    return { samples, sampleRate: this.clean.sampleRate, facts: { alphaBar } }
  }

  /** Signal-to-noise ratio in dB. */
  snr(alphaBar: number): number {
    return 10 * Math.log10((alphaBar * this.#cleanPower) / ((1 - alphaBar) * this.#noisePower))
  }

  /** Gains of `clean` and `noise` to hear x_t at a usual loudness. */
  playback(alphaBar: number): ReadonlyMap<'clean' | 'noise', number> {
    const [a, b] = gains(alphaBar)
    const rms = Math.sqrt(alphaBar * this.#cleanPower + (1 - alphaBar) * this.#noisePower)
    // Noise seldom goes beyond four deviations.
    const gain = playbackGain({ rms, peak: 4 * rms })
    return new Map([
      ['clean', a * gain],
      ['noise', b * gain],
    ])
  }
}

/** √ᾱ and √(1 − ᾱ). */
function gains(alphaBar: number): readonly [number, number] {
  return [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)]
}
