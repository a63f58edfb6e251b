/**
 * The embedding in which sets of clips are compared: 64 log-mel modulation features, each in units of its deviation in
 * the data.
 *
 * - Mean spectrum: 16 orders of its cosine transform.
 * - Modulation spectrum: for four orders over bands, the log energy of six octaves of modulation, 0.5 … 32 Hz: how fast
 *   level and timbre change. Shuffled pieces of the data have the data's spectrum, but not its modulation.
 * - Order in time: the 24 principal components of the signed transform up to 8 Hz: an attack comes before its decay.
 */
import { type Spread, spread } from '../statistics/moments.js'
import { PrincipalComponents } from '../statistics/principal-components.js'
import { DEPTH } from './clip-pattern.js'
import { type Clip, type ClipSet, spreadOver } from './clip-set.js'
import { mapInTurns } from './in-turns.js'
import { Modulation } from './modulation.js'

const SPECTRUM_ORDERS = 16
const MODULATED_ORDERS = 4
const OCTAVES = 6
/** Lowest modulation frequency, in Hz. */
const SLOWEST = 0.5
const SIGNED_ORDERS = 8
/** Hz. */
const MAX_SIGNED = 8
const SIGNED_COMPONENTS = 24
/** dB² added to modulation energies, so that inaudible ones have a finite logarithm. */
const INAUDIBLE = 0.01
/** Maximum number of clips to embed, spread over the set: enough for 64 dimensions. */
const MAX_EMBEDDED = 4000

/** Features before standardisation. */
interface RawFeatures {
  /** Mean spectrum and modulation spectrum. */
  readonly plain: Float64Array
  /** Transform in time, with its signs. */
  readonly signed: Float64Array
}

export class SetEmbedding {
  readonly #transform: (clip: Clip) => RawFeatures
  readonly #components: PrincipalComponents
  readonly #mean: Float64Array
  readonly #deviation: Float64Array

  private constructor(
    transform: (clip: Clip) => RawFeatures,
    components: PrincipalComponents,
    spreads: readonly Spread[],
  ) {
    this.#transform = transform
    this.#components = components
    this.#mean = Float64Array.from(spreads, ({ mean }) => mean)
    // A feature that does not vary in the data is only shifted.
    this.#deviation = Float64Array.from(spreads, ({ deviation }) => deviation || 1)
  }

  get dimensions(): number {
    return this.#mean.length
  }

  /** @param set the data, whose clips may overlap */
  static async fit(set: ClipSet, signal?: AbortSignal): Promise<SetEmbedding> {
    const transform = rawFeatures(set)
    const raw = await mapInTurns(spreadOver(set.clips, MAX_EMBEDDED), transform, signal)
    const components = await PrincipalComponents.fit(
      raw.map(({ signed }) => signed),
      SIGNED_COMPONENTS,
      signal,
    )
    const vectors = raw.map(one => joined(one, components))
    const spreads = Array.from(vectors[0]!, (_, i) => spread(vectors.map(vector => vector[i]!)))
    return new SetEmbedding(transform, components, spreads)
  }

  /** One vector per clip. */
  async embed(set: ClipSet, signal?: AbortSignal): Promise<Float64Array[]> {
    const embed = (clip: Clip) =>
      joined(this.#transform(clip), this.#components).map((x, i) => (x - this.#mean[i]!) / this.#deviation[i]!)
    return mapInTurns(spreadOver(set.clips, MAX_EMBEDDED), embed, signal)
  }
}

function joined({ plain, signed }: RawFeatures, components: PrincipalComponents): Float64Array {
  return Float64Array.from([...plain, ...components.project(signed)])
}

function rawFeatures(set: ClipSet): (clip: Clip) => RawFeatures {
  const seconds = set.frames * set.frameSeconds
  /** The lowest order in time at or above a frequency in Hz. */
  const order = (hertz: number) => Math.min(set.frames, Math.max(1, Math.ceil(2 * seconds * hertz)))
  const edges = Array.from({ length: OCTAVES + 1 }, (_, i) => order(SLOWEST * 2 ** i))
  const modulation = new Modulation(set.frames, set.clips[0]!.pattern.bands, edges.at(-1)!, SPECTRUM_ORDERS)
  const signedOrders = order(MAX_SIGNED)
  return clip => {
    const features = modulation.features(set.pattern(clip)).map(x => x * DEPTH)
    const at = (time: number, band: number) => features[time * SPECTRUM_ORDERS + band]!
    const plain = [...features.subarray(0, SPECTRUM_ORDERS)]
    for (let band = 0; band < MODULATED_ORDERS; band++) {
      for (let octave = 0; octave < OCTAVES; octave++) {
        let energy = INAUDIBLE
        for (let time = edges[octave]!; time < edges[octave + 1]!; time++) energy += at(time, band) ** 2
        plain.push(Math.log(energy))
      }
    }
    const signed: number[] = []
    for (let time = 1; time < signedOrders; time++) {
      for (let band = 0; band < SIGNED_ORDERS; band++) signed.push(at(time, band))
    }
    return { plain: Float64Array.from(plain), signed: Float64Array.from(signed) }
  }
}
