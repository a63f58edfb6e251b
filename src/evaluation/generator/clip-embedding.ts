/**
 * The embedding in which a clip's nearest neighbours are found: the aligned pattern, smoothed to modulations up to 12
 * Hz and projected on the 64 principal components of the data. Distances are root-mean-square differences in dB.
 */
import { PrincipalComponents } from '../statistics/principal-components.js'
import { DEPTH } from './clip-pattern.js'
import { type Clip, type ClipSet, spreadOver } from './clip-set.js'
import { mapInTurns } from './in-turns.js'
import { Modulation } from './modulation.js'

const DIMENSIONS = 64
const BAND_ORDERS = 16
/** Hz. */
const MAX_MODULATION = 12
const MAX_TIME_ORDERS = 48
/** Maximum number of clips to fit the components on, spread over the set. */
const MAX_FITTED = 3000

export class ClipEmbedding {
  readonly #modulation: Modulation
  readonly #components: PrincipalComponents

  private constructor(modulation: Modulation, components: PrincipalComponents) {
    this.#modulation = modulation
    this.#components = components
  }

  /** @param set the data, whose clips may overlap */
  static async fit(set: ClipSet, signal?: AbortSignal): Promise<ClipEmbedding> {
    const seconds = set.frames * set.frameSeconds
    const orders = Math.min(MAX_TIME_ORDERS, set.frames, Math.ceil(2 * seconds * MAX_MODULATION))
    const { bands } = set.clips[0]!.pattern
    const modulation = new Modulation(set.frames, bands, orders, BAND_ORDERS)
    const features = await mapInTurns(
      spreadOver(set.clips, MAX_FITTED),
      clip => modulation.features(set.pattern(clip)),
      signal,
    )
    return new ClipEmbedding(modulation, await PrincipalComponents.fit(features, DIMENSIONS, signal))
  }

  /** One vector per clip. */
  async embed(set: ClipSet, signal?: AbortSignal): Promise<Float64Array[]> {
    const embed = (clip: Clip) =>
      this.#components.project(this.#modulation.features(set.pattern(clip))).map(x => x * DEPTH)
    return mapInTurns(set.clips, embed, signal)
  }
}
