/**
 * The high band of a vocoder: sound above the mel's highest frequency, about which the mel and the network say nothing.
 * Speech is mostly noise there, so noise takes its place (as in perceptual noise substitution, Herre & Schulz 1998),
 * at a level that follows the mel's highest bands:
 *
 *     y[n] = x[n] + σ[n] · Σ_m h[n − D·m] · z[m],   m = 0 … ⌊n/D⌋
 *
 * - z is white Gaussian noise of the clip's seed, one number for D samples (`samplesPerNoise`).
 * - h lets the band pass. Its coefficients are h[0] … h[64] (`highBandFilter`).
 * - σ[n] is the deviation of white noise as loud as the mel's highest bands (`frameLevels`). It is linear between
 *   frames.
 */
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import type { MelReader } from '../audio/mel/feed.js'
import { atSamples } from '../audio/mel/frames.js'
import {
  frameLevels,
  type HighBandConfig,
  highBandFilter,
  type LevelBands,
  levelBands,
  samplesPerNoise,
} from '../audio/mel/high-band.js'
import { draws } from '../core/random-streams.js'
import { RowQueue } from '../core/row-queue.js'
import type { NoiseSource } from '../diffusion/noise.js'

/** Adds the high band to the audio of one clip, piece by piece. */
export class HighBand {
  readonly #convention: MelConvention
  readonly #levelBands: LevelBands
  /** The coefficients that meet noise in sample D·m + p, for each p. */
  readonly #phases: readonly Float64Array[]
  readonly #noise: NoiseSource
  /** σ of the frames that have arrived. */
  readonly #levels = new RowQueue<Float32Array>(Float32Array, 1)
  #done = 0

  constructor(convention: MelConvention, config: HighBandConfig, noise: NoiseSource) {
    this.#convention = convention
    this.#levelBands = levelBands(convention, config.from)
    this.#phases = phasesOf(highBandFilter(convention, config), samplesPerNoise(convention))
    this.#noise = noise
  }

  pushMel(mel: Mel): void {
    this.#levels.append(frameLevels(this.#convention, this.#levelBands, mel))
  }

  /** Adds the band to the next piece of audio. The frame after its last sample must have arrived, if there is one. */
  add(audio: Float32Array): Float32Array {
    const { hop } = this.#convention
    const start = this.#done
    this.#done += audio.length
    // The frame before a sample's own is kept, as conventions differ in where a frame lies.
    const kept = Math.max(0, Math.floor(start / hop) - 1)
    this.#levels.forget(kept)
    const levels = this.#levels.rows(kept, this.#levels.end)
    const deviations = atSamples(levels, this.#convention, start - kept * hop, audio.length)
    const result = this.#filteredNoise(start, audio.length)
    for (let i = 0; i < result.length; i++) result[i] = audio[i]! + deviations[i]! * result[i]!
    return result
  }

  /**
   * Σ_m h[n − D·m] · z[m] for n = start … start + count − 1. For n = D·m + p this is Σ_j h[p + D·j] · z[m − j]. Four
   * sums run side by side, as each addition waits for the one before.
   */
  #filteredNoise(start: number, count: number): Float32Array {
    const every = this.#phases.length
    const taps = this.#phases[0]!.length
    const first = Math.floor(start / every) - taps + 1
    const before = Math.max(0, -first)
    const drawn = Math.floor((start + count - 1) / every) - (first + before) + 1
    const noise = new Float64Array(before + drawn)
    noise.set(this.#noise(draws.highBand, first + before, drawn), before)
    const result = new Float32Array(count)
    for (const [p, h] of this.#phases.entries()) {
      for (let m = Math.ceil((start - p) / every); every * m + p < start + count; m++) {
        const at = m - first
        let [a, b, c, d] = [0, 0, 0, 0]
        for (let j = 0; j < taps; j += 4) {
          a += h[j]! * noise[at - j]!
          b += h[j + 1]! * noise[at - j - 1]!
          c += h[j + 2]! * noise[at - j - 2]!
          d += h[j + 3]! * noise[at - j - 3]!
        }
        result[every * m + p - start] = a + b + c + d
      }
    }
    return result
  }
}

/** Splits h into its phases h[p], h[p + D], …, for p = 0 … D − 1, filled up with 0 to a multiple of four. */
function phasesOf(filter: Float64Array, every: number): readonly Float64Array[] {
  const taps = 4 * Math.ceil(filter.length / every / 4)
  return Array.from({ length: every }, (_, p) =>
    Float64Array.from({ length: taps }, (_, j) => filter[p + every * j] ?? 0),
  )
}

/** Adds the high band to audio as it arrives. */
export async function* withHighBand(
  audio: AsyncIterable<Float32Array>,
  mel: MelReader,
  band: HighBand,
): AsyncGenerator<Float32Array, void, undefined> {
  for await (const piece of audio) {
    for (const arrived of mel.take()) band.pushMel(arrived.mel)
    yield band.add(piece)
  }
}
