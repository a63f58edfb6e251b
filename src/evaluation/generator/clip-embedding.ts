/**
 * The embedding in which a clip's neighbours are found: the aligned pattern smoothed to 12 Hz of modulation, projected on the 64
 * principal components of the data. Distances are root mean square differences in dB.
 */
import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../../core/errors.js'
import { PrincipalComponents } from '../statistics/principal-components.js'
import { DEPTH } from './clip-pattern.js'
import type { ClipSet } from './clip-set.js'
import { Modulation } from './modulation.js'

const DIMENSIONS = 64
const BAND_ORDERS = 16
const HIGHEST_MODULATION = 12
const MOST_TIME_ORDERS = 48
/** Clips that the components are fitted on, at most, spread over the set. */
const MOST_FITTED = 3000
/** Clips between two turns of the event loop. */
const CLIPS_A_TURN = 16

export class ClipEmbedding {
  private constructor(
    private readonly modulation: Modulation,
    private readonly components: PrincipalComponents,
  ) {}

  /** @param set the data, of which clips may overlap */
  static async fit(set: ClipSet, signal?: AbortSignal): Promise<ClipEmbedding> {
    const seconds = set.frames * set.frameSeconds
    const orders = Math.min(MOST_TIME_ORDERS, set.frames, Math.ceil(2 * seconds * HIGHEST_MODULATION))
    const { bands } = set.clips[0]!.pattern
    const modulation = new Modulation(set.frames, bands, orders, BAND_ORDERS)
    const stride = Math.max(1, Math.ceil(set.clips.length / MOST_FITTED))
    const features: Float64Array[] = []
    for (let i = 0; i < set.clips.length; i += stride) {
      features.push(modulation.of(set.pattern(set.clips[i]!)))
      if (features.length % CLIPS_A_TURN === 0) await setImmediate()
      throwIfAborted(signal)
    }
    return new ClipEmbedding(modulation, await PrincipalComponents.fit(features, DIMENSIONS))
  }

  async of(set: ClipSet, signal?: AbortSignal): Promise<Float64Array[]> {
    const embedded: Float64Array[] = []
    for (const clip of set.clips) {
      embedded.push(this.components.project(this.modulation.of(set.pattern(clip))).map(x => x * DEPTH))
      if (embedded.length % CLIPS_A_TURN === 0) await setImmediate()
      throwIfAborted(signal)
    }
    return embedded
  }
}
