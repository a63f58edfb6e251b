/** Generated clips as a set beside real ones: how near, how new, how varied, and whether labels are kept. */
import { DiffWaveError } from '../../core/errors.js'
import type { OnProgress } from '../../core/progress.js'
import type { LeftOut } from '../recordings.js'
import { percentile } from '../statistics/moments.js'
import { averageSpectrumNoise, shuffledPieces } from './baselines.js'
import { type ClassifierResult, classifyClips } from './clip-classifier.js'
import { ClipEmbedding } from './clip-embedding.js'
import { type ClipAudio, ClipSet, readClips } from './clip-set.js'
import { frechetDistance } from './frechet-distance.js'
import { diversity, nearest } from './neighbours.js'
import { SetEmbedding } from './set-embedding.js'
import { type SoundCharacter, soundCharacter } from './sound-character.js'

export interface GeneratorEvaluationOptions {
  /** Clips at `sampleRate`. */
  readonly generated: readonly ClipAudio[]
  /** Folder of real clips that were held out of training. */
  readonly reference: string
  /** Folder of the training clips; without it nothing is said of memorisation and labels. */
  readonly training?: string
  /** Hz: that of the generated clips; others are resampled to it. */
  readonly sampleRate: number
  /** Length of a clip, seconds: longer recordings are cut into several. */
  readonly seconds: number
  /** Of baselines and classifier. */
  readonly seed: number
  readonly signal?: AbortSignal
  /** Percent of the work. */
  readonly onProgress?: OnProgress
}

/** The four sets that are compared. */
export const setNames = ['generated', 'reference', 'training', 'noise', 'shuffled'] as const
export type SetName = (typeof setNames)[number]

/** Order statistics of distances, in dB. */
export interface Distances {
  readonly smallest: number
  readonly firstPercentile: number
  readonly median: number
}

export interface GeneratorEvaluation {
  readonly sampleRate: number
  readonly seconds: number
  readonly dimensions: number
  readonly clips: Readonly<Partial<Record<SetName, number>>>
  /** Fréchet distances of sets to the held-out clips, and to the training clips. */
  readonly frechet: {
    readonly toReference: Readonly<Partial<Record<SetName, number>>>
    readonly toTraining: Readonly<Partial<Record<SetName, number>>>
  }
  /** Distances to the nearest training clip. */
  readonly memorisation: { readonly generated: Distances; readonly reference: Distances } | null
  /** The generated clips nearest to a training clip. */
  readonly mostAlike: readonly { readonly generated: string; readonly training: string; readonly distance: number }[]
  /** Mean distance of two clips of a set, and distances to the nearest other clip. */
  readonly diversity: Readonly<
    Record<'generated' | 'reference', { readonly mean: number | null; readonly nearestOther: Distances | null }>
  >
  readonly character: Readonly<Record<'generated' | 'reference' | 'noise' | 'shuffled', SoundCharacter>>
  readonly classifier: ClassifierResult | null
  readonly leftOut: readonly LeftOut[]
}

/** Fewest clips a side for a Fréchet distance that can be trusted; with fewer, sets of equal kind lie apart. */
export const ENOUGH_CLIPS = 500
/** Training clips of a long recording start a sixth of a clip apart, so that a copy is found wherever it was cut. */
const TRAINING_OVERLAP = 6
const MOST_ALIKE = 5

function distances(values: readonly number[]): Distances {
  return { smallest: percentile(values, 0), firstPercentile: percentile(values, 0.01), median: percentile(values, 0.5) }
}

/**
 * Compares sets of clips. Real recordings that cannot be read, and silent stretches of them, are left out; a silent generated clip counts.
 *
 * @throws DiffWaveError `BAD_DATA` where a set has fewer than two clips, `FILE_NOT_FOUND`, `BAD_AUDIO`, `NOT_FINITE`, `ABORTED`
 */
export async function evaluateGenerator(options: GeneratorEvaluationOptions): Promise<GeneratorEvaluation> {
  const { sampleRate, seconds, seed, signal } = options
  const length = Math.round(seconds * sampleRate)
  const progress = (percent: number) => options.onProgress?.({ done: percent, total: 100 })
  const leftOut: LeftOut[] = []
  const reading = { signal }
  const empty = (overlap: number, keep: boolean) => new ClipSet(sampleRate, length, overlap, keep)

  const generated = empty(1, true)
  for (const clip of options.generated) generated.add(clip, true)
  const reference = await readClips(options.reference, empty(1, true), leftOut, reading)
  for (const [name, set] of [
    ['generated', generated],
    ['reference', reference],
  ] as const) {
    if (set.clips.length >= 2) continue
    throw new DiffWaveError('BAD_DATA', 'a set of clips needs two at least', { got: `${set.clips.length} ${name}` })
  }
  progress(15)
  const training =
    options.training === undefined
      ? null
      : await readClips(options.training, empty(TRAINING_OVERLAP, false), leftOut, reading)
  progress(30)

  const data = training ?? reference
  const baseline = (clips: readonly Float32Array[]) => {
    const set = empty(1, true)
    for (const [i, samples] of clips.entries()) set.add({ name: String(i), samples, label: '' }, true)
    return set
  }
  const sets = {
    generated,
    reference,
    noise: baseline(averageSpectrumNoise(reference.audio, seed)),
    shuffled: baseline(shuffledPieces(reference.audio, sampleRate, seed)),
  }
  const all: Partial<Record<SetName, ClipSet>> = training === null ? sets : { ...sets, training }
  const setEmbedding = await SetEmbedding.fit(data, signal)
  const embedded = new Map<SetName, Float64Array[]>()
  for (const [name, set] of Object.entries(all)) embedded.set(name as SetName, await setEmbedding.of(set, signal))
  const toAll = (target: SetName) => {
    const found: Partial<Record<SetName, number>> = {}
    const those = embedded.get(target)
    if (those === undefined) return found
    for (const [name, own] of embedded) if (name !== target) found[name] = frechetDistance(own, those)
    return found
  }
  progress(50)

  const clipEmbedding = await ClipEmbedding.fit(data, signal)
  const [own, real] = [await clipEmbedding.of(generated, signal), await clipEmbedding.of(reference, signal)]
  const learnt = training === null ? [] : await clipEmbedding.of(training, signal)
  const [ownNearest, realNearest] = [own, real].map(clips => (training === null ? [] : nearest(clips, learnt)))
  const varied = (clips: readonly Float64Array[]) => {
    const { mean, nearestOther } = diversity(clips)
    return { mean, nearestOther: nearestOther.length === 0 ? null : distances(nearestOther) }
  }
  progress(70)
  const character = {
    generated: await soundCharacter(sets.generated, signal),
    reference: await soundCharacter(sets.reference, signal),
    noise: await soundCharacter(sets.noise, signal),
    shuffled: await soundCharacter(sets.shuffled, signal),
  }
  progress(85)
  const classifier =
    training === null ? null : await classifyClips({ training, heldOut: reference, generated }, seed, signal)
  progress(100)
  return {
    sampleRate,
    seconds,
    dimensions: setEmbedding.dimensions,
    clips: Object.fromEntries(Object.entries(all).map(([name, { clips }]) => [name, clips.length])),
    frechet: { toReference: toAll('reference'), toTraining: toAll('training') },
    memorisation:
      training === null
        ? null
        : {
            generated: distances(ownNearest!.map(({ distance }) => distance)),
            reference: distances(realNearest!.map(({ distance }) => distance)),
          },
    mostAlike: ownNearest!
      .map(({ distance, index }, i) => ({
        generated: generated.clips[i]!.name,
        training: training!.clips[index]!.name,
        distance,
      }))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, MOST_ALIKE),
    diversity: { generated: varied(own), reference: varied(real) },
    character,
    classifier,
    leftOut,
  }
}
