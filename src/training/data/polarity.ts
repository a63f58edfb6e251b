/**
 * The polarity of recordings. Some microphones and sound cards invert the waveform. Nobody hears that, but pulses are
 * then negative, and a network that is trained from pulses in their places (src/data-domain/pulse-alignment.ts) would
 * learn the mean of both polarities.
 */

import type { MelConvention } from '../../audio/mel/convention.js'
import { melSpectrogram } from '../../audio/mel/mel.js'
import type { DataDomain } from '../../data-domain/data-domain.js'
import { domainOf } from '../../data-domain/domain-of.js'
import type { ModelConfig } from '../../model/config.js'
import { clipAudio } from './crop.js'
import type { Clip, Dataset } from './dataset.js'

/** Recordings per folder that are aligned, and samples of each: enough to include a second of speech. */
const CLIPS_PER_FOLDER = 16
const SAMPLES_PER_CLIP = 65_536

/**
 * Gives all recordings positive pulses: inverts those of folders where inverted recordings fit pulses better.
 *
 * @param model one that starts from pulses
 */
export function normalisePolarity(data: Dataset, model: ModelConfig): Dataset {
  const convention = model.mel!
  const domain = domainOf(model)
  const inverted = new Set<string>()
  for (const folder of new Set(data.training.map(folderOf))) {
    const clips = data.training.filter(clip => folderOf(clip) === folder)
    if (isInverted(clips, convention, domain)) inverted.add(folder)
  }
  const normalised = (clips: readonly Clip[]) =>
    clips.map(clip => (inverted.has(folderOf(clip)) ? { ...clip, samples: clip.samples.map(negated) } : clip))
  return { ...data, training: normalised(data.training), validation: normalised(data.validation) }
}

function folderOf({ folder = '' }: Clip): string {
  return folder
}

/** Whether a folder's recordings fit pulses better if they are inverted, by the sum of their agreements. */
function isInverted(clips: readonly Clip[], convention: MelConvention, domain: DataDomain): boolean {
  const spaced = Math.max(1, Math.floor(clips.length / CLIPS_PER_FOLDER))
  let difference = 0
  for (const clip of clips.filter((_, i) => i % spaced === 0).slice(0, CLIPS_PER_FOLDER)) {
    const whole = clipAudio(clip)
    const length = Math.floor(Math.min(whole.length, SAMPLES_PER_CLIP) / convention.hop) * convention.hop
    if (length === 0) continue
    const samples = whole.subarray(0, length)
    const mel = melSpectrogram({ samples, sampleRate: convention.sampleRate }, convention)
    const pulses = domain.pulsesOf!(mel)
    difference += pulses.align(samples).agreement
    difference -= pulses.align(samples.map(sample => -sample)).agreement
  }
  return difference < 0
}

/** −32,768 has no opposite. */
function negated(sample: number): number {
  return Math.min(32_767, -sample)
}
