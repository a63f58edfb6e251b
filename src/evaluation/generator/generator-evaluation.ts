/**
 * Compares a set of generated clips with real clips: Fréchet distance, memorisation, diversity, sound character, and
 * label accuracy.
 */
import { z } from 'zod'
import type { Callback } from '../../core/callback.js'
import { DiffWaveError } from '../../core/errors.js'
import { MAX_CLIP_SECONDS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE } from '../../core/limits.js'
import { abortSignal, check, type FieldsOf, onProgress, seed as seedSchema } from '../../core/options.js'
import type { OnProgress } from '../../core/progress.js'
import type { LeftOut } from '../recordings.js'
import { percentile } from '../statistics/moments.js'
import { averageSpectrumNoise, shuffledPieces } from './baselines.js'
import { type ClassifierResult, classifyClips } from './clip-classifier.js'
import { ClipEmbedding } from './clip-embedding.js'
import { type ClipAudio, ClipSet, readClips } from './clip-set.js'
import { frechetDistance } from './frechet-distance.js'
import { distancesWithin, nearest } from './neighbours.js'
import { SetEmbedding } from './set-embedding.js'
import { type SoundCharacter, soundCharacter } from './sound-character.js'

/** Options of `evaluateGenerator`. */
export interface GeneratorEvaluationOptions {
  /** The generated clips, at `sampleRate`. */
  readonly generated: readonly ClipAudio[]
  /** Folder of real clips that were held out of training. */
  readonly reference: string
  /** Folder of the training clips. It is needed for memorisation and label accuracy. Default: neither is measured. */
  readonly training?: string
  /** Sample rate of the generated clips in Hz. Real clips are resampled to it. */
  readonly sampleRate: number
  /** Length of a clip in seconds. Longer recordings are cut into several clips. */
  readonly seconds: number
  /** Seed of the baselines and the classifier. */
  readonly seed: number
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal
  /** Called as the work goes on. The unit of its numbers is percent. */
  readonly onProgress?: OnProgress
}

const labelSchema = z.union([z.string(), z.array(z.object({ from: z.number(), label: z.string() }))])

const optionsSchema = z.strictObject({
  generated: z.array(
    z.custom<ClipAudio>(value => {
      const { name, samples, label } = Object(value) as Partial<ClipAudio>
      return typeof name === 'string' && samples instanceof Float32Array && labelSchema.safeParse(label).success
    }, "expected { name, label, samples }, with the label '' if there is none"),
  ),
  reference: z.string().min(1),
  training: z.string().min(1).optional(),
  sampleRate: z.number().int().min(MIN_SAMPLE_RATE).max(MAX_SAMPLE_RATE),
  seconds: z.number().positive().max(MAX_CLIP_SECONDS),
  seed: seedSchema,
  signal: abortSignal.optional(),
  onProgress: onProgress.optional(),
} satisfies FieldsOf<GeneratorEvaluationOptions>)

/** Names of the sets that are compared: three sources of clips, and two baselines. */
export type SetName = 'generated' | 'reference' | 'training' | 'noise' | 'shuffled'
export const setNames = [
  'generated',
  'reference',
  'training',
  'noise',
  'shuffled',
] as const satisfies readonly SetName[]

/** Order statistics of distances, in dB. */
export interface Distances {
  /** The smallest distance. */
  readonly smallest: number
  /** The first percentile. */
  readonly firstPercentile: number
  /** The median. */
  readonly median: number
}

/** A generated clip and the training clip nearest to it. */
export interface AlikePair {
  /** Name of the generated clip. */
  readonly generated: string
  /** Name of the training clip. */
  readonly training: string
  /** Distance between the two in dB. */
  readonly distance: number
}

/** Distances within a set, in dB; null if the set has fewer than two clips. */
export interface Diversity {
  /** Mean distance between two clips. */
  readonly mean: number | null
  /** Distances of the clips to their nearest neighbours in the set. */
  readonly nearestOther: Distances | null
}

/**
 * Result of `evaluateGenerator`. Fréchet distances are between embeddings; other distances are between spectrograms, in
 * dB.
 */
export interface GeneratorEvaluation {
  /** Hz. */
  readonly sampleRate: number
  /** Length of a clip in seconds. */
  readonly seconds: number
  /** Number of dimensions of the embedding for the Fréchet distances. */
  readonly dimensions: number
  /** Number of clips in each set. */
  readonly clips: Readonly<Partial<Record<SetName, number>>>
  /** Fréchet distances from each set to the held-out clips and to the training clips. */
  readonly frechet: {
    /** Distances to the held-out clips, by set. */
    readonly toReference: Readonly<Partial<Record<SetName, number>>>
    /** Distances to the training clips, by set. */
    readonly toTraining: Readonly<Partial<Record<SetName, number>>>
  }
  /** Distances of generated and held-out clips to their nearest training clips; null without training clips. */
  readonly memorisation: Readonly<Record<'generated' | 'reference', Distances>> | null
  /** The generated clips that are closest to a training clip, the closest first. */
  readonly mostAlike: readonly AlikePair[]
  /** How far apart the clips of a set are. */
  readonly diversity: Readonly<Record<'generated' | 'reference', Diversity>>
  /** Onsets and pitch salience, by set. */
  readonly character: Readonly<Record<'generated' | 'reference' | 'noise' | 'shuffled', SoundCharacter>>
  /** Label accuracy; null if the clips have no labels. */
  readonly classifier: ClassifierResult | null
  /** Files that could not be used. */
  readonly leftOut: readonly LeftOut[]
}

/**
 * Number of clips per set that a reliable Fréchet distance needs. With fewer, even sets of the same distribution are
 * apart.
 */
export const ENOUGH_CLIPS = 500
/**
 * Training clips cut from a long recording start a sixth of a clip apart, so that a copy is found wherever it begins.
 */
const TRAINING_OVERLAP = 6
/** Number of pairs listed in `mostAlike`. */
const MOST_ALIKE = 5

/** The sets of clips that are compared. */
interface Sets {
  readonly generated: ClipSet
  readonly reference: ClipSet
  readonly training: ClipSet | null
  readonly noise: ClipSet
  readonly shuffled: ClipSet
}

/**
 * Evaluates a generator by its clips. Real recordings that cannot be read, and silent parts of them, are left out.
 * Silent generated clips count.
 *
 * @throws DiffWaveError `BAD_DATA` if a set has fewer than two clips, `FILE_NOT_FOUND`, `BAD_AUDIO`, `NOT_FINITE`,
 * `ABORTED`
 * @example
 * const clips = await generator.generate({ count: 500, seed: 1 })
 * const { frechet } = await evaluateGenerator({
 *   generated: clips.map(({ samples, seed, label }) => ({ name: String(seed), samples, label: label ?? '' })),
 *   reference: 'held-out',
 *   sampleRate: generator.sampleRate,
 *   seconds: 1,
 *   seed: 1,
 * })
 * console.log(frechet.toReference.generated)
 */
export async function evaluateGenerator(options: GeneratorEvaluationOptions): Promise<GeneratorEvaluation> {
  check(optionsSchema, options, 'evaluateGenerator options')
  const { sampleRate, seconds, seed, signal } = options
  const progress: Callback<number> = percent => options.onProgress?.({ done: percent, total: 100 })
  const leftOut: LeftOut[] = []
  const sets = await readSets(options, leftOut, progress)
  const { generated, reference, training } = sets
  const { dimensions, frechet } = await compareSets(sets, signal)
  await progress(50)
  const neighbours = await compareClips(sets, signal)
  await progress(70)
  const character = {
    generated: await soundCharacter(generated, signal),
    reference: await soundCharacter(reference, signal),
    noise: await soundCharacter(sets.noise, signal),
    shuffled: await soundCharacter(sets.shuffled, signal),
  }
  await progress(85)
  const classifier =
    training === null ? null : await classifyClips({ training, heldOut: reference, generated }, seed, signal)
  await progress(100)
  const clips = Object.fromEntries(named(sets).map(([name, set]) => [name, set.clips.length]))
  return { sampleRate, seconds, dimensions, clips, frechet, ...neighbours, character, classifier, leftOut }
}

/** The sets that exist, with their names. */
function named({ training, ...others }: Sets): readonly (readonly [SetName, ClipSet])[] {
  const all = training === null ? others : { ...others, training }
  return Object.entries(all) as [SetName, ClipSet][]
}

/** Reads the real clips and makes the baselines. */
async function readSets(
  options: GeneratorEvaluationOptions,
  leftOut: LeftOut[],
  progress: Callback<number>,
): Promise<Sets> {
  const { sampleRate, seed, signal } = options
  const length = Math.round(options.seconds * sampleRate)
  const empty = (overlap: number, keepAudio: boolean) => new ClipSet(sampleRate, length, overlap, keepAudio)
  const generated = empty(1, true)
  for (const clip of options.generated) generated.add(clip, true)
  const reference = await readClips(options.reference, empty(1, true), leftOut, { signal })
  requireTwo('generated', generated)
  requireTwo('reference', reference)
  await progress(15)
  const training =
    options.training === undefined
      ? null
      : await readClips(options.training, empty(TRAINING_OVERLAP, false), leftOut, { signal })
  await progress(30)
  const baseline = (clips: readonly Float32Array[]) => {
    const set = empty(1, true)
    for (const [i, samples] of clips.entries()) set.add({ name: String(i), samples, label: '' }, true)
    return set
  }
  return {
    generated,
    reference,
    training,
    noise: baseline(averageSpectrumNoise(reference.audio, seed)),
    shuffled: baseline(shuffledPieces(reference.audio, sampleRate, seed)),
  }
}

function requireTwo(name: SetName, { clips }: ClipSet): void {
  if (clips.length >= 2) return
  throw new DiffWaveError('BAD_DATA', 'a set has too few clips', {
    expected: 'at least 2',
    got: `${clips.length} ${name}`,
  })
}

/** Fréchet distances between the sets. The embedding is fitted to the training clips, or else to the reference. */
async function compareSets(sets: Sets, signal: AbortSignal | undefined) {
  const embedding = await SetEmbedding.fit(sets.training ?? sets.reference, signal)
  const embedded = new Map<SetName, Float64Array[]>()
  for (const [name, set] of named(sets)) embedded.set(name, await embedding.embed(set, signal))
  const distancesTo = (target: SetName) => {
    const found: Partial<Record<SetName, number>> = {}
    const those = embedded.get(target)
    if (those === undefined) return found
    for (const [name, own] of embedded) if (name !== target) found[name] = frechetDistance(own, those)
    return found
  }
  return {
    dimensions: embedding.dimensions,
    frechet: { toReference: distancesTo('reference'), toTraining: distancesTo('training') },
  }
}

/** Distances between single clips: memorisation and diversity. */
async function compareClips({ generated, reference, training }: Sets, signal: AbortSignal | undefined) {
  const embedding = await ClipEmbedding.fit(training ?? reference, signal)
  const own = await embedding.embed(generated, signal)
  const real = await embedding.embed(reference, signal)
  return {
    ...(training === null
      ? { memorisation: null, mostAlike: [] }
      : memorised({ own, real, training: await embedding.embed(training, signal) }, generated, training)),
    diversity: { generated: spreadOut(own), reference: spreadOut(real) },
  }
}

/** How close generated clips come to training clips, compared with held-out clips. */
function memorised(
  embedded: Readonly<Record<'own' | 'real' | 'training', readonly Float64Array[]>>,
  generated: ClipSet,
  training: ClipSet,
) {
  const ownNearest = nearest(embedded.own, embedded.training)
  const realNearest = nearest(embedded.real, embedded.training)
  return {
    memorisation: {
      generated: distances(ownNearest.map(({ distance }) => distance)),
      reference: distances(realNearest.map(({ distance }) => distance)),
    },
    mostAlike: ownNearest
      .map(({ distance, index }, i) => ({
        generated: generated.clips[i]!.name,
        training: training.clips[index]!.name,
        distance,
      }))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, MOST_ALIKE),
  }
}

function spreadOut(clips: readonly Float64Array[]) {
  const { mean, nearestOther } = distancesWithin(clips)
  return { mean, nearestOther: nearestOther.length === 0 ? null : distances(nearestOther) }
}

function distances(values: readonly number[]): Distances {
  return { smallest: percentile(values, 0), firstPercentile: percentile(values, 0.01), median: percentile(values, 0.5) }
}
