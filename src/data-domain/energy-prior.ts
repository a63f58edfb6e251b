/**
 * PriorGrad's mel-energy prior (Lee et al. 2022, “PriorGrad”, section 4.1): noise is N(0, σ²) instead of N(0, 1), with
 * σ small where the mel is silent. Per frame,
 *
 *     energy = √(Σ over bands of the linear mel amplitudes)
 *     σ = (energy − min)/(max − min), clamped to [floor, 1]
 *
 * with constants min and max of the data set; σ is linear between frames and constant beyond the ends. All of it is
 * local in time, so it can be computed piece by piece.
 */
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import type { MelReaders } from '../audio/mel/feed.js'
import { atSamples } from '../audio/mel/frames.js'
import { denormaliseMel } from '../audio/mel/normalise.js'
import { RowQueue } from '../core/row-queue.js'
import type { EnergyPriorConfig } from '../model/diffusion-config.js'
import type { NoiseShaper } from './data-domain.js'
import { WaveformDomain } from './waveform.js'

/** The waveform, with noise that is as loud as the mel at each moment. */
export class EnergyPriorDomain extends WaveformDomain {
  readonly #convention: MelConvention
  readonly #prior: EnergyPriorConfig

  constructor(convention: MelConvention, prior: EnergyPriorConfig, signalScale: number) {
    super(signalScale)
    this.#convention = convention
    this.#prior = prior
  }

  override noise(mel: MelReaders): NoiseShaper {
    const reader = mel.nextReader()
    // All of them: ten hours of frames take 12 MB.
    const frames = new RowQueue<Float32Array>(Float32Array, 1)
    return (white, start, count) => {
      for (const piece of reader.take()) frames.append(frameDeviations(this.#prior, this.#convention, piece.mel))
      const sigma = atSamples(frames.rows(0, frames.end), this.#convention, start, count)
      return white(start, count).map((z, i) => z * sigma[i]!)
    }
  }

  override lossWeight(mel: Mel, length: number, loss: 'l1' | 'l2', base: number): Float32Array {
    const frames = frameDeviations(this.#prior, this.#convention, mel)
    const sigma = atSamples(frames, this.#convention, 0, length)
    const weight = new Float32Array(length).fill(base)
    for (let n = 0; n < length; n++) weight[n]! /= loss === 'l1' ? sigma[n]! : sigma[n]! ** 2
    return weight
  }
}

/**
 * Energy of each frame of a mel: √(Σ over bands of linear magnitudes), after undoing the convention's logarithm and
 * normalisation.
 */
export function melEnergy(convention: MelConvention, mel: Mel): Float64Array {
  const energy = new Float64Array(mel.frames)
  for (let band = 0; band < mel.bands; band++) {
    for (let frame = 0; frame < mel.frames; frame++) {
      const value = Math.max(0, denormaliseMel(mel.data[band * mel.frames + frame]!, convention, band))
      energy[frame]! += convention.power === 2 ? Math.sqrt(value) : value
    }
  }
  return energy.map(Math.sqrt)
}

/** σ of each frame of a mel, within [floor, 1]. */
export function frameDeviations(prior: EnergyPriorConfig, convention: MelConvention, mel: Mel): Float32Array {
  const range = prior.maxEnergy - prior.minEnergy
  return Float32Array.from(melEnergy(convention, mel), energy =>
    Math.min(1, Math.max(prior.floor, (energy - prior.minEnergy) / range)),
  )
}
