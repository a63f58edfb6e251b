/**
 * The three ways in which a vocoder is measured: as shipped, with its last layer zeroed, and without phase refinement.
 * Phase refinement alone makes good speech from a mel, so the first result says little without the second.
 */
import type { Audio } from '../../audio/audio.js'
import type { Mel } from '../../audio/mel/convention.js'
import type { Original, System } from './system.js'

/** The part of `Vocoder` that is needed here. */
export interface Synthesizer {
  synthesize(mel: Mel, options: { seed: number; length: number; refine?: number; signal?: AbortSignal }): Promise<Audio>
}

export interface ModelSystemOptions {
  /** Name of the row as shipped. The names of the other rows begin with it. */
  readonly name: string
  readonly vocoder: Synthesizer
  /** The same model with its last layer zeroed; null for only the row as shipped. */
  readonly zeroed: Synthesizer | null
  /** Number of refinement iterations. Default: the model's own. */
  readonly refine: number | undefined
  /** Whether the model itself has refinement. */
  readonly refines: boolean
  /** Seed of file 0. File i uses the seed plus i, as in batches. */
  readonly seed: number
}

/** Makes the three systems, or only the first. */
export function modelSystems(options: ModelSystemOptions): readonly System[] {
  const { name, vocoder, zeroed, refine, seed } = options
  const system = (name: string, by: Synthesizer, iterations: number | undefined): System => ({
    name,
    timed: true,
    make: ({ mel, length, index }, signal) =>
      by.synthesize(mel, {
        seed: seed + index,
        length,
        ...(iterations === undefined ? {} : { refine: iterations }),
        ...(signal === undefined ? {} : { signal }),
      }),
  })
  const shipped = system(name, vocoder, refine)
  if (zeroed === null) return [shipped]
  const refined = refine === undefined ? options.refines : refine > 0
  const unrefined = `${name}, without refinement`
  if (refined) {
    return [shipped, system(`${name}, last layer zeroed`, zeroed, refine), system(unrefined, vocoder, 0)]
  }
  // If refinement is off, the first and the third row are the same. The audio is kept instead of made twice.
  const latest = new LatestAudio(shipped)
  return [latest.system, system(`${name}, last layer zeroed`, zeroed, refine), latest.again(unrefined)]
}

/** A system that keeps its latest copy. */
class LatestAudio {
  readonly system: System
  #audio: Audio | null = null

  constructor(source: System) {
    this.system = {
      ...source,
      make: async (original, signal) => {
        this.#audio = await source.make(original, signal)
        return this.#audio
      },
    }
  }

  again(name: string): System {
    const make = async (original: Original, signal?: AbortSignal) => this.#audio ?? this.system.make(original, signal)
    return { name, timed: false, make }
  }
}
