/**
 * A vocoder as systems to be measured: as shipped, with its last layer zeroed, and without phase refinement. Refinement
 * alone makes good speech of a mel, so that a figure of the first row says little without the second.
 */
import type { Audio } from '../../audio/audio.js'
import type { Mel } from '../../audio/mel/convention.js'
import type { Original, System } from './system.js'

/** What a system asks of a vocoder; `Vocoder` does it. */
export interface Synthesizer {
  synthesize(mel: Mel, options: { seed: number; length: number; refine?: number; signal?: AbortSignal }): Promise<Audio>
}

export interface ModelSystemOptions {
  /** Name of the row as shipped; the others add to it. */
  readonly name: string
  readonly vocoder: Synthesizer
  /** The same model with its last layer zeroed; null: only the row as shipped. */
  readonly zeroed: Synthesizer | null
  /** Iterations of refinement; undefined: the model's own. */
  readonly refine: number | undefined
  /** Whether the model refines if `refine` is undefined. */
  readonly refines: boolean
  /** File i has the seed plus i, as in batches. */
  readonly seed: number
}

/** Three systems, or the first of them alone. */
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
  // Without refinement the first row is the third: its audio is kept instead of made again.
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
