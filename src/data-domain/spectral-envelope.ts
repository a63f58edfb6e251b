/**
 * SpecGrad's prior (Koizumi et al. 2022, “SpecGrad”, section 3): noise with the mel's spectral envelope, ε ~ N(0, M·Mᵀ)
 * with M a time-varying filter. Here it is a change of variables: the diffusion runs on y = M⁻¹·x, where the noise is
 * white, and M colours the result. M is a zero-phase filter, computed frame by frame in the mel's own transform. It is
 * local in time, so that audio can be coloured piece by piece. The mel says nothing about the frequencies above its
 * highest one, where voices with the same mel differ by 30 dB. There M⁻¹ is zero, and M falls off quickly.
 */
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import { cornerFrequencies, filterArea, melFilters } from '../audio/mel/filters.js'
import { denormaliseMel } from '../audio/mel/normalise.js'
import { binCount, hannWindow, windowPower } from '../audio/transforms/stft.js'
import type { EnvelopePriorConfig } from '../model/diffusion-config.js'
import { FrameFilter } from './frame-filter.js'

/** How fast M falls above the mel's highest frequency, in nepers per kHz: 50 dB one kHz further. */
const ROLL_OFF = 6

/** Weights of neighbouring bands in the envelope. A wider smoothing makes M easier to invert. */
export const smoothings = { bands: [1], formants: [1, 2, 3, 2, 1] } as const

/** Spectral envelopes of mel frames: what white noise of variance 1 is multiplied by in each bin. */
export class SpectralEnvelope {
  /**
   * The bands whose filters hold a bin of the transform. Narrow filters at low frequencies may hold none, and say
   * nothing.
   */
  readonly bands: Uint16Array
  /** ln of the mel value of each of `bands` for white noise of variance 1. */
  readonly whiteLevels: Float64Array
  /** Each bin lies between two of `bands`: ln gain = (1 − weight)·below + weight·above − drop. */
  readonly below: Uint16Array
  readonly above: Uint16Array
  readonly weight: Float64Array
  readonly drop: Float64Array

  constructor(
    readonly convention: MelConvention,
    readonly prior: EnvelopePriorConfig,
  ) {
    const { fftSize, windowLength, windowNormalised, power, sampleRate } = convention
    const noisePower = windowNormalised ? 1 : windowPower(hannWindow(windowLength))
    // A bin of white noise is complex normal: its magnitude has the Rayleigh distribution's mean.
    const whiteBin = power === 2 ? noisePower : (Math.sqrt(noisePower) * Math.sqrt(Math.PI)) / 2
    const areas = melFilters(convention).map(filterArea)
    this.bands = Uint16Array.from(areas.keys()).filter(band => areas[band]! > 0)
    this.whiteLevels = Float64Array.from(this.bands, band => Math.log(whiteBin * areas[band]!))
    const bins = binCount(fftSize)
    const corners = cornerFrequencies(convention)
    const centres = Float64Array.from(this.bands, band => corners[band + 1]!)
    this.below = new Uint16Array(bins)
    this.above = new Uint16Array(bins)
    this.weight = new Float64Array(bins)
    this.drop = new Float64Array(bins)
    for (let bin = 0; bin < bins; bin++) {
      const hz = (bin * sampleRate) / fftSize
      let above = centres.findIndex(centre => centre > hz)
      if (above < 0) {
        above = centres.length - 1
        this.drop[bin] = (ROLL_OFF * Math.max(0, hz - convention.maxFrequency)) / 1000
      }
      const below = above === 0 || centres[above]! <= hz ? above : above - 1
      this.above[bin] = above
      this.below[bin] = below
      this.weight[bin] = above === below ? 0 : (hz - centres[below]!) / (centres[above]! - centres[below]!)
    }
  }

  /** Gains of M⁻¹ from the gains of M, for one frame. */
  inverse(gains: Float64Array): Float64Array {
    return gains.map((gain, bin) => (this.drop[bin]! > 0 ? 0 : 1 / gain))
  }

  /** Gains of M for one frame of a mel, `[bins]`. Within the mel's range, none is below the prior's floor. */
  gains(mel: Mel, frame: number): Float64Array {
    const { convention, prior } = this
    const levels = this.whiteLevels.map((white, i) => {
      const band = this.bands[i]!
      const value = Math.max(Number.MIN_VALUE, denormaliseMel(mel.data[band * mel.frames + frame]!, convention, band))
      const level = Math.log(value) - white
      return convention.power === 2 ? level / 2 : level
    })
    const smooth = levels.map((_, band) => smoothed(levels, band, smoothings[prior.follows]))
    const floor = Math.log(prior.floor)
    const gains = new Float64Array(this.weight.length)
    for (let bin = 0; bin < gains.length; bin++) {
      const below = smooth[this.below[bin]!]!
      const level = below + this.weight[bin]! * (smooth[this.above[bin]!]! - below)
      gains[bin] = Math.exp(Math.max(floor, level) - this.drop[bin]!)
    }
    return gains
  }
}

/** The level of one band, smoothed over its neighbours. */
export function smoothed(levels: Float64Array, band: number, smoothing: readonly number[]): number {
  let [sum, weights] = [0, 0]
  smoothing.forEach((weight, i) => {
    const level = levels[band + i - (smoothing.length >> 1)]
    if (level === undefined) return
    sum += weight * level
    weights += weight
  })
  return sum / weights
}

/** Typical gain of speech in units of full scale: the unit of an emphasised error. */
const REFERENCE_GAIN = 0.03

/**
 * M to a power, in units of a typical gain of speech. It weights whitened audio by how audible it is: with exponent 0
 * all parts count alike, with 1 it is M itself. The map is symmetric, so it equals its transpose.
 *
 * @param mel from the first frame of the audio on
 */
export function emphasis(
  mel: Mel,
  envelope: SpectralEnvelope,
  exponent: number,
): (white: Float32Array) => Float32Array {
  const gains = Array.from({ length: mel.frames }, (_, frame) =>
    envelope.gains(mel, frame).map(gain => (gain / REFERENCE_GAIN) ** exponent),
  )
  return white => filtered(white, gains, envelope.convention)
}

function filtered(audio: Float32Array, gains: readonly Float64Array[], convention: MelConvention): Float32Array {
  const filter = new FrameFilter(convention)
  for (const frame of gains) filter.pushGains(frame)
  filter.endGains()
  return filter.push(audio, true)
}

/**
 * Whitens audio: y ≈ M⁻¹·x, so that M·y equals `samples` up to the mel’s highest frequency.
 *
 * @param mel of the samples
 */
export function whiten(samples: Float32Array, mel: Mel, envelope: SpectralEnvelope): Float32Array {
  const inverse = Array.from({ length: mel.frames }, (_, frame) => envelope.inverse(envelope.gains(mel, frame)))
  return filtered(samples, inverse, envelope.convention)
}
