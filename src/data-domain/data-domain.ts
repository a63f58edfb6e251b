/**
 * Where the diffusion runs and where the recording lies, of whole clips: the same but for `signalScale`; or, with a mel-envelope
 * prior, y and x = M·y (src/data-domain/envelope.ts); or subbands and the waveform (src/data-domain/subbands.ts).
 */
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import type { DiffusionConfig } from '../model/diffusion-config.js'
import { frameDeviations, sampleDeviations } from './energy.js'
import { Colouring, SpectralEnvelope, whiten } from './envelope.js'
import { modelSubbands } from './subbands.js'

/** Whitened speech has a deviation about 1 and rare peaks to 30. What is known amid what is quieter by 80 dB whitens to more than
 * any sound, and, made to agree again and again, to more each time: without a bound, full scale times 10⁵ after 24 passes. */
const MOST_WHITE = 30

/** Seconds beside a gap over which what is known comes to count in full: whitening makes a click of the step that a difference cut off at
 * the gap's edge has. */
const WHITE_TAPER = 0.004

export interface DataDomain {
  /** The diffusion's y as audio x. */
  toAudio(data: Float32Array): Float32Array
  /** The same piece by piece, from a clip's start on: is given whole positions, and whether they are the last, and gives what has
   * become final. */
  inPieces(): (data: Float32Array, last: boolean) => Float32Array
  /** Audio as the diffusion's. */
  fromAudio(audio: Float32Array): Float32Array
  /** Root mean square, as data, of white audio of deviation 1: exact where the domain is no envelope's. */
  readonly whiteGain: number
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
  diffusion: Pick<DiffusionConfig, 'prior' | 'signalScale' | 'subbands'>,
): DataDomain {
  const { prior, signalScale } = diffusion
  const toAudio = (data: Float32Array) => (signalScale === 1 ? data : data.map(y => y / signalScale))
  const fromAudio = (audio: Float32Array) => (signalScale === 1 ? audio : audio.map(x => x * signalScale))
  const plain: DataDomain = {
    toAudio,
    inPieces: () => toAudio,
    fromAudio,
    whiteGain: signalScale,
    most: Number.POSITIVE_INFINITY,
    taper: 0,
    shape: noise => noise,
  }
  const subbands = modelSubbands(diffusion)
  if (subbands !== null) {
    return {
      ...plain,
      toAudio: data => subbands.toAudio(data),
      inPieces: () => subbands.synthesis(),
      fromAudio: audio => subbands.fromAudio(audio),
      whiteGain: subbands.whiteGain,
    }
  }
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
  const inPieces = () => {
    const colouring = new Colouring(convention, prior)
    colouring.pushMel(mel, true)
    return (data: Float32Array, last: boolean) => toAudio(colouring.push(data, last))
  }
  return {
    ...plain,
    toAudio: data => inPieces()(data, true),
    inPieces,
    fromAudio: audio => whiten(fromAudio(audio), mel, envelope),
    most: MOST_WHITE,
    taper: WHITE_TAPER,
  }
}
