/**
 * Which way up recordings are. Some microphones and sound cards turn the waveform upside down. Nobody hears that, but
 * pulses then point down, and a network that is trained from pulses in their places
 * (src/data-domain/pulse-alignment.ts) would learn the mean of both.
 */
import { melSpectrogram } from '../../audio/mel/mel.js'
import { domainOf } from '../../data-domain/domain-of.js'
import type { ModelConfig } from '../../model/config.js'
import { clipAudio } from './crop.js'
import type { Clip, Dataset } from './dataset.js'

/** Recordings per folder that are looked at, and samples of each: enough that a second of speech is among them. */
const CLIPS_PER_FOLDER = 16
const SAMPLES_PER_CLIP = 65_536

/**
 * A data set in which the recordings of folders whose pulses fit better so are turned upside down.
 *
 * @param model one that starts from pulses
 */
export function upright(data: Dataset, model: ModelConfig): Dataset {
  const inverted = new Set<string>()
  for (const folder of new Set(data.training.map(folderOf))) {
    const clips = data.training.filter(clip => folderOf(clip) === folder)
    if (isInverted(clips, model)) inverted.add(folder)
  }
  const turned = (clips: readonly Clip[]) =>
    clips.map(clip => (inverted.has(folderOf(clip)) ? { ...clip, samples: clip.samples.map(negated) } : clip))
  return { ...data, training: turned(data.training), validation: turned(data.validation) }
}

function folderOf({ folder = '' }: Clip): string {
  return folder
}

/** Whether most of a folder's recordings are upside down, by the sum of their agreements. */
export function isInverted(clips: readonly Clip[], model: ModelConfig): boolean {
  const convention = model.mel!
  const domain = domainOf(model)
  const spaced = Math.max(1, Math.floor(clips.length / CLIPS_PER_FOLDER))
  let difference = 0
  for (const clip of clips.filter((_, i) => i % spaced === 0).slice(0, CLIPS_PER_FOLDER)) {
    const whole = clipAudio(clip)
    const length = Math.floor(Math.min(whole.length, SAMPLES_PER_CLIP) / convention.hop) * convention.hop
    if (length === 0) continue
    const samples = whole.subarray(0, length)
    const mel = melSpectrogram({ samples, sampleRate: convention.sampleRate }, convention)
    difference += domain.alignPulses!(samples, mel).agreement
    difference -= domain.alignPulses!(
      samples.map(sample => -sample),
      mel,
    ).agreement
  }
  return difference < 0
}

/** −32,768 has no opposite. */
function negated(sample: number): number {
  return Math.min(32_767, -sample)
}
