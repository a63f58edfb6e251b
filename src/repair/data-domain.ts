/**
 * Where the diffusion runs and where the recording lies: the same but for `signalScale`, or, with a mel-envelope prior, y and
 * x = M·y (src/diffusion/envelope.ts). And how a clean prediction is made to agree with what is known of the recording.
 */
import type { Mel, MelConvention } from '../audio/convention.js'
import { Colouring, SpectralEnvelope, whiten } from '../diffusion/envelope.js'
import { frameDeviations, sampleDeviations } from '../diffusion/prior.js'
import type { DiffusionConfig } from '../model/config.js'

/** Whitened speech has a deviation about 1 and rare peaks to 30. What is known amid what is quieter by 80 dB whitens to more than
 * any sound, and, made to agree again and again, to more each time: without a bound, full scale times 10⁵ after 24 passes. */
const MOST_WHITE = 30

/** Seconds beside a gap over which what is known comes to count in full: whitening makes a click of the step that a difference cut off at
 * the gap's edge has. */
const WHITE_TAPER = 0.004

export interface DataDomain {
  /** The diffusion's y as audio x. */
  toAudio(data: Float32Array): Float32Array
  /** Audio as the diffusion's. */
  fromAudio(audio: Float32Array): Float32Array
  /** No clean data are larger. */
  readonly most: number
  /** Seconds beside a gap over which what is known comes to count in full. */
  readonly taper: number
  /** White noise as the prior has it. */
  shape(noise: Float32Array): Float32Array
}

/** The domain of a model over one clip. @param mel of the clip and its convention; null for a model without */
export function dataDomain(
  conditioning: { readonly mel: Mel; readonly convention: MelConvention } | null,
  { prior, signalScale }: Pick<DiffusionConfig, 'prior' | 'signalScale'>,
): DataDomain {
  const toAudio = (data: Float32Array) => (signalScale === 1 ? data : data.map(y => y / signalScale))
  const fromAudio = (audio: Float32Array) => (signalScale === 1 ? audio : audio.map(x => x * signalScale))
  const plain: DataDomain = { toAudio, fromAudio, most: Number.POSITIVE_INFINITY, taper: 0, shape: noise => noise }
  if (conditioning === null || prior === null) return plain
  const { mel, convention } = conditioning
  if (prior.kind === 'mel-energy') {
    const frames = frameDeviations(prior, convention, mel)
    return {
      ...plain,
      shape(noise) {
        const sigma = sampleDeviations(frames, convention, 0, noise.length)
        return noise.map((z, i) => z * sigma[i]!)
      },
    }
  }
  const envelope = new SpectralEnvelope(convention, prior)
  return {
    ...plain,
    toAudio(data) {
      const colouring = new Colouring(convention, prior)
      colouring.pushMel(mel, true)
      return toAudio(colouring.push(data, true))
    },
    fromAudio: audio => whiten(fromAudio(audio), mel, envelope),
    most: MOST_WHITE,
    taper: WHITE_TAPER,
  }
}

/**
 * The clean data nearest to `data` that sounds as the recording does where that is known: y + M⁻¹(known − M·y), the difference
 * taken as far as it is known. Without an envelope this puts the known samples in the place of the predicted.
 *
 * @param known the recording, any number where it is not known
 * @param weight 1 where it is known, 0 where it is not, between them where the one becomes the other
 */
export function agreeing(
  domain: DataDomain,
  data: Float32Array,
  known: Float32Array,
  weight: Float32Array,
): Float32Array {
  const audio = domain.toAudio(data)
  const missing = domain.fromAudio(audio.map((x, i) => (weight[i]! > 0 ? weight[i]! * (known[i]! - x) : 0)))
  const most = domain.most
  return data.map((y, i) => Math.max(-most, Math.min(most, y + missing[i]!)))
}
