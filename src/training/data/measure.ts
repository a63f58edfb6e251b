/** Constants of a model that are measured on the recordings it is trained on. */
import type { MelConvention } from '../../audio/mel/convention.js'
import { melSpectrogram } from '../../audio/mel/mel.js'
import { Mdct } from '../../audio/transforms/mdct.js'
import { melEnergy } from '../../data-domain/energy-prior.js'
import { audioHop, type ModelConfig } from '../../model/config.js'
import type { PriorConfig, SubbandsConfig } from '../../model/diffusion-config.js'
import type { TrainingConfig } from '../config.js'
import { clipAudio, cropLabel, cropStarts } from './crop.js'
import type { Clip } from './dataset.js'

/** A hundred clips spread over the set show what it has. */
const CLIPS_MEASURED = 100

function measuredClips(clips: readonly Clip[]): readonly Clip[] {
  const stride = Math.max(1, Math.floor(clips.length / CLIPS_MEASURED))
  return clips.filter((_, i) => i % stride === 0)
}

/** Lowest and highest frame energy of some clips: the constants of the mel-energy prior. */
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

/** Bands softer than the loudest by more than this are taken to be as loud: 40 dB. */
const SOFTEST = 0.01
/** Over which share of all bands levels are smoothed: single notes are not the set's spectrum. */
const SMOOTHED = 1 / 32

/**
 * Gains of subbands, from the root mean square σ of each band in some clips: in proportion to σ^−equalisation, and such
 * that all coefficients together have the wanted deviation.
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

/** How often each label is met in crops of so many samples: its share of the places where one can start. */
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
