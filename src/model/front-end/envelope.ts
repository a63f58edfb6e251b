/**
 * The envelope E `[positions × bins]`: the deviation that a mel implies for each bin of the windowed front end. White
 * noise multiplied by E would fit the mel. It is computed from the mel alone, frame by frame:
 *
 * 1. A, the magnitudes of the mel's own transform that fit it (src/audio/mel/inverse.ts).
 * 2. Power V = A²/(3L/8): under a periodic Hann window of L samples, white noise of deviation 1 has mean square 3L/8.
 * 3. Bins of the front end's shorter transform: a triangle of ±q bins around every q-th, q = L/K, of area one; the
 *    first and last bin are repeated beyond the ends.
 * 4. Linear between frames at the middle of each position; the last frame is repeated.
 * 5. E = max(floor, √V).
 */
import type { MelBands } from '../../audio/mel/bands.js'
import type { Mel, MelConvention } from '../../audio/mel/convention.js'
import { MelInverse } from '../../audio/mel/inverse.js'
import { DiffWaveError } from '../../core/errors.js'
import { RowQueue } from '../../core/row-queue.js'
import type { FrontEndConfig, NetworkConfig } from '../network.js'
import type { EnvelopePowers, FrontEndKernels } from './kernels.js'

/** What a convention would need for an envelope, for an error; null if an envelope is possible. */
export function envelopeObstacle(frontEnd: Pick<FrontEndConfig, 'kernel'>, convention: MelConvention): string | null {
  if (convention.framing !== 'centre') return 'centred mel frames'
  if (convention.windowLength !== convention.fftSize) return 'a mel whose windowLength is its fftSize'
  if (convention.fftSize % frontEnd.kernel !== 0) return 'a mel whose fftSize is a multiple of the kernel'
  return null
}

/** Weights of the 2q − 1 bins around every q-th one, divided by the power of white noise. */
export function envelopeTriangle(
  { kernel }: Pick<FrontEndConfig, 'kernel'>,
  { fftSize }: Pick<MelConvention, 'fftSize'>,
): Float64Array {
  const factor = fftSize / kernel
  const noisePower = (3 * fftSize) / 8
  return Float64Array.from(
    { length: 2 * factor - 1 },
    (_, j) => (1 - Math.abs(j + 1 - factor) / factor) / factor / noisePower,
  )
}

/** Computes envelopes for one network and one mel convention. */
export class FrontEndEnvelope {
  readonly bins: number
  readonly stride: number
  readonly hop: number
  readonly #floor: number
  /** q: bins of the mel's transform per bin of the front end's. */
  readonly #factor: number
  /** Weights of the bins around one, divided by the power of white noise. */
  readonly #triangle: Float64Array
  readonly #inverse: MelInverse
  readonly #bands: MelBands
  /** An engine's code for `powers`; null if there is none. */
  readonly #powers: EnvelopePowers | null

  /** @param kernels faster code of an engine, with the same bytes. Default: none */
  constructor(frontEnd: FrontEndConfig, convention: MelConvention, kernels?: FrontEndKernels) {
    const { kernel, stride, bins, envelope } = frontEnd
    if (envelope === null) throw new TypeError('the front end has no envelope')
    this.bins = bins
    this.stride = stride
    this.hop = convention.hop
    this.#floor = Math.fround(envelope.floor)
    this.#factor = convention.fftSize / kernel
    this.#triangle = envelopeTriangle(frontEnd, convention)
    this.#inverse = new MelInverse(convention, envelope.iterations)
    this.#bands = this.#inverse.bands
    this.#powers =
      kernels?.envelope({
        bands: this.#bands,
        updates: envelope.iterations,
        factor: this.#factor,
        triangle: this.#triangle,
        outputs: bins,
      }) ?? null
  }

  /** E of the first positions of a clip, `[positions × bins]`. @param mel at least one frame */
  deviations(mel: Mel, positions: number): Float32Array {
    return this.#interpolated(this.powers(mel), 0, 0, positions)
  }

  /** Starts to compute E of a mel that arrives piece by piece, with the same bytes as `deviations`. */
  stream(): EnvelopeStream {
    const { bins, hop, stride } = this
    const powers = new RowQueue<Float32Array>(Float32Array, bins)
    let position = 0
    return {
      push: (mel, last) => {
        powers.append(this.powers(mel))
        const { first, end: frames } = powers
        if (frames === 0) return new Float32Array(0)
        // A position needs its frame and the next one.
        const end = last ? (frames * hop) / stride : Math.max(position, firstPositionOf(frames - 1, hop, stride))
        const result = this.#interpolated(powers.rows(first, frames), first, position, end)
        position = end
        powers.forget(Math.min(frames - 1, Math.floor((position * stride + stride / 2) / hop)))
        return result
      },
    }
  }

  /** V per bin of the front end, `[frames × bins]`. */
  powers(mel: Mel): Float32Array {
    if (this.#powers !== null) {
      const targets = new Float64Array(mel.frames * mel.bands)
      for (let frame = 0; frame < mel.frames; frame++) {
        this.#bands.targets(mel, frame, targets, frame * mel.bands)
      }
      return this.#powers(targets)
    }
    const { bins } = this
    const magnitudes = this.#inverse.magnitudes(mel)
    const all = mel.frames === 0 ? 0 : magnitudes.length / mel.frames
    const result = new Float32Array(mel.frames * bins)
    const reach = this.#factor - 1
    const triangle = this.#triangle
    // Powers of one frame, the first and the last repeated beyond the ends.
    const powers = new Float64Array(all + 2 * reach)
    for (let frame = 0; frame < mel.frames; frame++) {
      const at = frame * all
      for (let bin = 0; bin < all; bin++) {
        const magnitude = magnitudes[at + bin]!
        powers[reach + bin] = magnitude * magnitude
      }
      powers.fill(powers[reach]!, 0, reach)
      powers.fill(powers[reach + all - 1]!, reach + all)
      for (let bin = 0; bin < bins; bin++) {
        const from = bin * this.#factor
        let sum = 0
        for (let j = 0; j < triangle.length; j++) sum += triangle[j]! * powers[from + j]!
        result[frame * bins + bin] = sum
      }
    }
    return result
  }

  /**
   * E of positions from … to − 1, `[to − from × bins]`.
   *
   * @param powers V of the frames from `first` on. The last one is repeated beyond its end
   */
  #interpolated(powers: Float32Array, first: number, from: number, to: number): Float32Array {
    const { bins, stride, hop } = this
    const last = powers.length / bins - 1
    const result = new Float32Array((to - from) * bins)
    for (let position = from; position < to; position++) {
      const place = (position * stride + stride / 2) / hop
      const here = Math.min(last, Math.floor(place) - first)
      const next = Math.min(last, here + 1)
      const share = place - Math.floor(place)
      const at = (position - from) * bins
      for (let bin = 0; bin < bins; bin++) {
        const low = powers[here * bins + bin]!
        const power = low + share * (powers[next * bins + bin]! - low)
        result[at + bin] = Math.max(this.#floor, Math.sqrt(power))
      }
    }
    return result
  }
}

/** E of a mel that arrives in pieces. */
export interface EnvelopeStream {
  /**
   * Appends frames, and returns E of the positions that are now known, `[positions × bins]`, in order.
   *
   * @param last whether these are the last frames
   */
  push(mel: Mel, last: boolean): Float32Array
}

/** The first position whose middle is at or after a frame. */
function firstPositionOf(frame: number, hop: number, stride: number): number {
  return Math.max(0, Math.ceil((frame * hop - stride / 2) / stride))
}

/**
 * The envelope of a network that has one, else null.
 *
 * @param kernels faster code of an engine, with the same bytes. Default: none
 * @throws DiffWaveError `BAD_OPTION` if it needs a mel convention and there is none
 */
export function envelopeOf(
  { frontEnd }: Pick<NetworkConfig, 'frontEnd'>,
  convention: MelConvention | null,
  kernels?: FrontEndKernels,
): FrontEndEnvelope | null {
  if (frontEnd === null || frontEnd.envelope === null) return null
  if (convention === null) {
    throw new DiffWaveError('BAD_OPTION', 'this network needs a mel convention for its envelope')
  }
  return new FrontEndEnvelope(frontEnd, convention, kernels)
}
