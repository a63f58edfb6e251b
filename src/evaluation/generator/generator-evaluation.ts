/** What an evaluation of a generator takes and says. */
import type { OnProgress } from '../../core/progress.js'
import type { LeftOut } from '../recordings.js'
import type { ClassifierResult } from './clip-classifier.js'
import type { ClipAudio } from './clip-set.js'
import type { SoundCharacter } from './sound-character.js'

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
  /** Length of a clip in seconds, at most 30. Longer recordings are cut into several clips. */
  readonly seconds: number
  /** Seed of the baselines and the classifier. */
  readonly seed: number
  /** Stops the work: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal
  /** Called as the work goes on. The unit of its numbers is percent. */
  readonly onProgress?: OnProgress
}

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
