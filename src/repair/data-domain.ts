/**
 * Where the diffusion runs and where the recording lies: the same, or, with a mel-envelope prior, y and x = M·y
 * (src/diffusion/envelope.ts). And how a clean prediction is made to agree with what is known of the recording.
 */
import type { Mel, MelConvention } from '../audio/convention.js'
import { Colouring, whiten } from '../diffusion/envelope.js'
import { frameDeviations, sampleDeviations } from '../diffusion/prior.js'
import type { PriorConfig } from '../model/config.js'

export interface DataDomain {
  /** The diffusion's y as audio x. */
  toAudio(data: Float32Array): Float32Array
  /** Audio as the diffusion's. */
  fromAudio(audio: Float32Array): Float32Array
  /** White noise as the prior has it. */
  shape(noise: Float32Array): Float32Array
}

/** The domain of a model over one clip. @param mel of the clip and its convention; null for a model without */
export function dataDomain(
  conditioning: { readonly mel: Mel; readonly convention: MelConvention } | null,
  prior: PriorConfig | null,
): DataDomain {
  const same = (samples: Float32Array) => samples
  if (conditioning === null || prior === null) return { toAudio: same, fromAudio: same, shape: same }
  const { mel, convention } = conditioning
  if (prior.kind === 'mel-energy') {
    const frames = frameDeviations(prior, convention, mel)
    return {
      toAudio: same,
      fromAudio: same,
      shape(noise) {
        const sigma = sampleDeviations(frames, convention, 0, noise.length)
        return noise.map((z, i) => z * sigma[i]!)
      },
    }
  }
  return {
    toAudio(data) {
      const colouring = new Colouring(convention, prior)
      colouring.pushMel(mel, true)
      return colouring.push(data, true)
    },
    fromAudio: audio => whiten(audio, mel, convention, prior),
    shape: same,
  }
}

/**
 * The clean data nearest to `data` that sounds as the recording does where that is known: y + M⁻¹(known − M·y), the difference
 * taken where it is known. Without an envelope this puts the known samples in the place of the predicted.
 *
 * @param known the recording, any number where it is not known
 * @param isKnown 1 where it is, else 0
 */
export function agreeing(
  domain: DataDomain,
  data: Float32Array,
  known: Float32Array,
  isKnown: Uint8Array,
): Float32Array {
  const audio = domain.toAudio(data)
  const missing = domain.fromAudio(audio.map((x, i) => (isKnown[i] === 1 ? known[i]! - x : 0)))
  return data.map((y, i) => y + missing[i]!)
}
