/**
 * Makes the polarity of recordings the same. Some microphones and sound cards invert the waveform. Nobody hears that,
 * but pulses are then negative. A network that is trained with pulses in their places
 * (src/data-domain/pulse-alignment.ts) would learn the mean of both polarities.
 */
import { orAborted } from '../../core/until-aborted.js'
import type { ModelConfig } from '../../model/config.js'
import { DataThreads } from './data-threads.js'
import type { Clip, Dataset } from './dataset.js'
import type { DatasetLoading } from './dataset-options.js'

/** Number of recordings per folder that are compared with pulses. */
const CLIPS_PER_FOLDER = 16
/** Number of samples of each: enough to include a second of speech. */
const SAMPLES_PER_CLIP = 65_536

/**
 * Gives all recordings positive pulses. The recordings of a folder are inverted if the sum of their agreements with
 * pulses is then higher.
 *
 * @param model a model that starts from pulses
 * @throws DiffWaveError `ABORTED`
 */
export async function normalisePolarity(
  data: Dataset,
  model: ModelConfig,
  { signal, onProgress }: DatasetLoading = {},
): Promise<Dataset> {
  const heard = heardClips(data.training)
  const text = JSON.stringify(model)
  const differences = new Map<string, number>()
  const threads = new DataThreads(heard.length, signal)
  try {
    // Without the copy, threads would be sent the buffer of the whole recording.
    const requestOf = ({ samples }: Clip) => ({ samples: samples.slice(0, SAMPLES_PER_CLIP), model: text })
    let done = 0
    for await (const agreements of threads.map('agreements', heard, requestOf)) {
      const folder = folderOf(heard[done++]!)
      if (agreements !== null) {
        const { recorded, inverted } = agreements
        differences.set(folder, (differences.get(folder) ?? 0) + recorded - inverted)
      }
      await orAborted(onProgress?.({ stage: 'aligning', done, total: heard.length }), signal)
    }
  } finally {
    await threads.close()
  }
  const isInverted = (clip: Clip) => (differences.get(folderOf(clip)) ?? 0) < 0
  const normalised = (clips: readonly Clip[]) =>
    clips.map(clip => (isInverted(clip) ? { ...clip, samples: negated(clip.samples) } : clip))
  return { ...data, training: normalised(data.training), validation: normalised(data.validation) }
}

function folderOf({ folder = '' }: Clip): string {
  return folder
}

/** Chooses some recordings of each folder, spread over it. */
function heardClips(clips: readonly Clip[]): readonly Clip[] {
  const folders = new Map<string, Clip[]>()
  for (const clip of clips) {
    const known = folders.get(folderOf(clip))
    if (known === undefined) folders.set(folderOf(clip), [clip])
    else known.push(clip)
  }
  return [...folders.values()].flatMap(all => {
    const spaced = Math.max(1, Math.floor(all.length / CLIPS_PER_FOLDER))
    return all.filter((_, i) => i % spaced === 0).slice(0, CLIPS_PER_FOLDER)
  })
}

function negated(samples: Int16Array): Int16Array {
  const result = new Int16Array(samples.length)
  // −32,768 has no opposite.
  for (let i = 0; i < result.length; i++) result[i] = Math.min(32_767, -samples[i]!)
  return result
}
