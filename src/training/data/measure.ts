/** Measures constants of a model on its training recordings. */
import type { MelConvention } from '../../audio/mel/convention.js'
import { melSpectrogram } from '../../audio/mel/mel.js'
import { Mdct } from '../../audio/transforms/mdct.js'
import { melEnergy } from '../../data-domain/energy-prior.js'
import { audioHop, type ModelConfig } from '../../model/config.js'
import type { PriorConfig, SubbandsConfig } from '../../model/diffusion-config.js'
import type { TrainingConfig } from '../config.js'
import { clipAudio, cropLabel, cropStarts } from './crop.js'
import type { Clip } from './dataset.js'

/** Number of clips to measure. They are spread over the data set. */
const CLIPS_MEASURED = 100

function measuredClips(clips: readonly Clip[]): readonly Clip[] {
  const stride = Math.max(1, Math.floor(clips.length / CLIPS_MEASURED))
  return clips.filter((_, i) => i % stride === 0)
}

/** Measures the lowest and the highest frame energy of some clips: the constants of the mel-energy prior. */
export function measurePrior(clips: readonly Clip[], convention: MelConvention, floor: number): PriorConfig {
  let [minEnergy, maxEnergy] = [Number.POSITIVE_INFINITY, 0]
  for (const clip of measuredClips(clips)) {
    const mel = clip.mel ?? melSpectrogram({ samples: clipAudio(clip), sampleRate: convention.sampleRate }, convention)
    for (const energy of melEnergy(convention, mel)) {
      minEnergy = Math.min(minEnergy, energy)
      maxEnergy = Math.max(maxEnergy, energy)
    }
  }
  return { kind: 'mel-energy', minEnergy, maxEnergy, floor }
}

/** Min level of a band relative to the loudest band (−40 dB). Softer bands are treated as if they had this level. */
const SOFTEST = 0.01
/** Share of all bands over which levels are smoothed, so that single notes do not show in the spectrum. */
const SMOOTHED = 1 / 32

/**
 * Computes the gains of subbands from the root mean square σ of each band in some clips. Gains are proportional to
 * σ^−equalisation, and all coefficients together have the wanted deviation.
 */
export function measureSubbands(
  clips: readonly Clip[],
  bands: number,
  { equalisation, deviation }: NonNullable<TrainingConfig['subbands']>,
): SubbandsConfig {
  const mdct = new Mdct(bands)
  const powers = new Float64Array(bands)
  let blocks = 0
  for (const clip of measuredClips(clips)) {
    const audio = clipAudio(clip)
    const coefficients = mdct.forward(audio.subarray(0, audio.length - (audio.length % bands)))
    blocks += coefficients.length / bands
    coefficients.forEach((value, i) => {
      powers[i % bands]! += value * value
    })
  }
  const reach = Math.max(1, Math.round((bands * SMOOTHED) / 2))
  const smooth = powers.map((_, band) => {
    const around = powers.subarray(Math.max(0, band - reach), band + reach + 1)
    return around.reduce((sum, power) => sum + power, 0) / around.length / Math.max(1, blocks)
  })
  const loudest = Math.max(Number.MIN_VALUE, ...smooth)
  const relative = smooth.map(power => Math.max(power, loudest * SOFTEST ** 2) ** (-equalisation / 2))
  const power = smooth.reduce((sum, p, band) => sum + p * relative[band]! ** 2, 0) / bands
  const scale = deviation / Math.sqrt(Math.max(Number.MIN_VALUE, power))
  return { kind: 'mdct', gains: Array.from(relative, gain => Number((gain * scale).toPrecision(5))) }
}

/** Measures how often each label occurs in crops: its share of the places where a crop of `cropSamples` can start. */
export function measureLabelShares(clips: readonly Clip[], model: ModelConfig, cropSamples: number): number[] {
  const met = new Float64Array(model.network.labels!.length)
  for (const clip of clips) {
    for (let i = cropStarts(clip, model, cropSamples) - 1; i >= 0; i--) {
      const label = cropLabel(clip, model, i * audioHop(model), cropSamples)
      if (label !== null) met[label]!++
    }
  }
  const total = met.reduce((sum, count) => sum + count, 0)
  return Array.from(met, count => Number((count / total).toPrecision(5)))
}
