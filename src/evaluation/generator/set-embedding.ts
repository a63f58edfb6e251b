/**
 * The embedding in which sets of clips are compared: 64 log-mel modulation features, each in units of its deviation among the data.
 *
 * - The mean spectrum: 16 orders of its cosine transform.
 * - The modulation spectrum: for four orders over bands, the logarithm of the energy of six octaves of modulation, 0.5 … 32 Hz: how
 *   fast levels and colours change. Sound that is cut up and shuffled has the data's spectrum, but not this.
 * - Time order: the 24 principal components of the data's transform in time up to 8 Hz, with its signs: an attack before its decay.
 */
import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../../core/errors.js'
import { spread } from '../statistics/moments.js'
import { PrincipalComponents } from '../statistics/principal-components.js'
import { DEPTH } from './clip-pattern.js'
import type { Clip, ClipSet } from './clip-set.js'
import { Modulation } from './modulation.js'

const SPECTRUM_ORDERS = 16
const MODULATED_ORDERS = 4
const OCTAVES = 6
const SLOWEST = 0.5
const SIGNED_ORDERS = 8
const SIGNED_HIGHEST = 8
const SIGNED_COMPONENTS = 24
/** dB² added to modulation energies, so that what is not heard has a logarithm. */
const UNHEARD = 0.01
/** Clips embedded, at most, spread over the set: enough for 64 dimensions. */
export const MOST_EMBEDDED = 4000
const CLIPS_A_TURN = 16

interface Raw {
  /** Mean spectrum and modulation spectrum. */
  readonly plain: Float64Array
  readonly signed: Float64Array
}

export class SetEmbedding {
  private constructor(
    private readonly transform: (clip: Clip) => Raw,
    private readonly components: PrincipalComponents,
    private readonly mean: Float64Array,
    private readonly deviation: Float64Array,
  ) {}

  get dimensions(): number {
    return this.mean.length
  }

  /** @param set the data, of which clips may overlap */
  static async fit(set: ClipSet, signal?: AbortSignal): Promise<SetEmbedding> {
    const transform = rawFeatures(set)
    const raw: Raw[] = []
    for (const clip of spreadOver(set)) {
      raw.push(transform(clip))
      if (raw.length % CLIPS_A_TURN === 0) await setImmediate()
      throwIfAborted(signal)
    }
    const components = await PrincipalComponents.fit(
      raw.map(({ signed }) => signed),
      SIGNED_COMPONENTS,
    )
    const vectors = raw.map(one => joined(one, components))
    const spreads = Array.from(vectors[0]!, (_, i) => spread(vectors.map(vector => vector[i]!)))
    return new SetEmbedding(
      transform,
      components,
      Float64Array.from(spreads, ({ mean }) => mean),
      // What does not vary in the data has no unit of its own.
      Float64Array.from(spreads, ({ deviation }) => deviation || 1),
    )
  }

  async of(set: ClipSet, signal?: AbortSignal): Promise<Float64Array[]> {
    const embedded: Float64Array[] = []
    for (const clip of spreadOver(set)) {
      const vector = joined(this.transform(clip), this.components)
      embedded.push(vector.map((x, i) => (x - this.mean[i]!) / this.deviation[i]!))
      if (embedded.length % CLIPS_A_TURN === 0) await setImmediate()
      throwIfAborted(signal)
    }
    return embedded
  }
}

function spreadOver({ clips }: ClipSet): readonly Clip[] {
  const stride = Math.max(1, Math.ceil(clips.length / MOST_EMBEDDED))
  return clips.filter((_, i) => i % stride === 0)
}

function joined({ plain, signed }: Raw, components: PrincipalComponents): Float64Array {
  return Float64Array.from([...plain, ...components.project(signed)])
}

function rawFeatures(set: ClipSet): (clip: Clip) => Raw {
  const seconds = set.frames * set.frameSeconds
  /** The first order of time at or above a frequency. */
  const order = (hertz: number) => Math.min(set.frames, Math.max(1, Math.ceil(2 * seconds * hertz)))
  const edges = Array.from({ length: OCTAVES + 1 }, (_, i) => order(SLOWEST * 2 ** i))
  const modulation = new Modulation(set.frames, set.clips[0]!.pattern.bands, edges.at(-1)!, SPECTRUM_ORDERS)
  const signedOrders = order(SIGNED_HIGHEST)
  return clip => {
    const features = modulation.of(set.pattern(clip)).map(x => x * DEPTH)
    const at = (time: number, band: number) => features[time * SPECTRUM_ORDERS + band]!
    const plain = [...features.subarray(0, SPECTRUM_ORDERS)]
    for (let band = 0; band < MODULATED_ORDERS; band++) {
      for (let octave = 0; octave < OCTAVES; octave++) {
        let energy = UNHEARD
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
