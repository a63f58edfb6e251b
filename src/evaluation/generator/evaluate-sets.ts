/**
 * Compares a set of generated clips with real clips: Fréchet distance, memorisation, diversity, sound character, and
 * label accuracy.
 */
import type { Callback } from '../../core/callback.js'
import { DiffWaveError } from '../../core/errors.js'
import { orAborted } from '../../core/until-aborted.js'
import type { LeftOut } from '../recordings.js'
import { percentile } from '../statistics/moments.js'
import { averageSpectrumNoise, shuffledPieces } from './baselines.js'
import { classifyClips } from './clip-classifier.js'
import { ClipEmbedding } from './clip-embedding.js'
import { ClipSet, readClips } from './clip-set.js'
import { frechetDistance } from './frechet-distance.js'
import type { Distances, GeneratorEvaluation, GeneratorEvaluationOptions, SetName } from './generator-evaluation.js'
import { mapInTurns } from './in-turns.js'
import { distancesWithin, type Neighbour, nearest } from './neighbours.js'
import { SetEmbedding } from './set-embedding.js'
import { soundCharacter } from './sound-character.js'

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

/** Reads the sets and compares them. @throws DiffWaveError as `evaluateGenerator` */
export async function evaluateSets(options: GeneratorEvaluationOptions): Promise<GeneratorEvaluation> {
  const { sampleRate, seconds, seed, signal } = options
  const progress = (percent: number) => orAborted(options.onProgress?.({ done: percent, total: 100 }), signal)
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
  await mapInTurns(options.generated, clip => generated.add(clip, true), signal)
  const reference = await readClips(options.reference, empty(1, true), leftOut, signal)
  requireTwo('generated', generated)
  requireTwo('reference', reference)
  await progress(15)
  const training =
    options.training === undefined
      ? null
      : await readClips(options.training, empty(TRAINING_OVERLAP, false), leftOut, signal)
  await progress(30)
  const baseline = async (clips: readonly Float32Array[]) => {
    const set = empty(1, true)
    await mapInTurns(clips, (samples, i) => set.add({ name: String(i), samples, label: '' }, true), signal)
    return set
  }
  return {
    generated,
    reference,
    training,
    noise: await baseline(await averageSpectrumNoise(reference.audio, seed, signal)),
    shuffled: await baseline(shuffledPieces(reference.audio, sampleRate, seed)),
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
  const neighbours = async (set: ClipSet) => {
    const known = await embedding.embed(set, signal)
    const ofGenerated = await nearest(own, known, signal)
    return memorised(ofGenerated, await nearest(real, known, signal), generated, set)
  }
  return {
    ...(training === null ? { memorisation: null, mostAlike: [] } : await neighbours(training)),
    diversity: { generated: await spreadOut(own, signal), reference: await spreadOut(real, signal) },
  }
}

/** How close generated clips come to training clips, compared with held-out clips. */
function memorised(
  ownNearest: readonly Neighbour[],
  realNearest: readonly Neighbour[],
  generated: ClipSet,
  training: ClipSet,
) {
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

async function spreadOut(clips: readonly Float64Array[], signal: AbortSignal | undefined) {
  const { mean, nearestOther } = await distancesWithin(clips, signal)
  return { mean, nearestOther: nearestOther.length === 0 ? null : distances(nearestOther) }
}

function distances(values: readonly number[]): Distances {
  return { smallest: percentile(values, 0), firstPercentile: percentile(values, 0.01), median: percentile(values, 0.5) }
}
