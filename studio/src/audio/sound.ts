/** A mono sound in the page. */

/** Plain facts about a result: seed, steps, label, … */
export type Facts = Readonly<Record<string, unknown>>

export interface Sound {
  /** Nominally in ±1. */
  readonly samples: Float32Array<ArrayBuffer>
  /** Hz. */
  readonly sampleRate: number
  readonly facts: Facts
}

/** Length in seconds. */
export function secondsOf({ samples, sampleRate }: Pick<Sound, 'samples' | 'sampleRate'>): number {
  return samples.length / sampleRate
}

/** A fact that should be a number; `fallback` if it is not. */
export function numberFact(facts: Facts, name: string, fallback: number): number {
  const value = facts[name]
  return typeof value === 'number' && Number.isFinite(value) ? value : fallback
}
