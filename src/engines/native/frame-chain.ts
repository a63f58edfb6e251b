/**
 * Phase refinement and the correction towards a mel in the addon (native/inference/frame-chain.h), with the bytes of
 * `PhaseRefinement` and `MelCorrection`.
 */
import { MelBands } from '../../audio/mel/bands.js'
import type { Mel, MelConvention } from '../../audio/mel/convention.js'
import type { CorrectionSettings } from '../../audio/mel/correction.js'
import { TargetFrames } from '../../audio/mel/target-frames.js'
import { framePadding, hannWindow } from '../../audio/transforms/stft.js'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import type { Engine, FrameStream } from '../engine.js'
import { snapshot } from '../snapshot.js'
import type { Addon, FrameChainHandle, FrameChainShape, Handle } from './addon.js'
import { filterTables, unitRoots } from './mel-filters.js'
import type { NativeQueue } from './queue.js'

/** What a chain needs from its engine. */
export interface FrameChainHost {
  readonly addon: Pick<Addon, 'openFrameChain' | 'pushFrameChain' | 'closeFrameChain'>
  readonly handle: Handle
  readonly queue: NativeQueue
}

/** `Engine.openRefinement` and `Engine.openCorrection` by the addon. */
export type FrameChains = Required<Pick<Engine, 'openRefinement' | 'openCorrection'>>

export function nativeFrameChains(host: FrameChainHost): FrameChains {
  const tablesOf = keptTables()
  const open = (convention: MelConvention, settings: ChainSettings) => {
    host.queue.checkAlive()
    return new NativeFrameChain(host, tablesOf(convention), settings)
  }
  return {
    openRefinement: (convention, { iterations, momentum, relaxation }) =>
      open(convention, { operation: 'refine', stages: iterations, momentum, relaxation, updates: 0 }),
    openCorrection: (convention, settings) => open(convention, correctionChain(settings)),
  }
}

/** A chain of so many passes of the correction. */
export function correctionChain({ passes, iterations, relaxation }: CorrectionSettings): ChainSettings {
  return { operation: 'correct', stages: passes, momentum: 0, relaxation, updates: iterations }
}

export type ChainSettings = Pick<FrameChainShape, 'operation' | 'stages' | 'momentum' | 'relaxation' | 'updates'>

/** What all chains of one mel convention share. */
export interface ConventionTables {
  readonly bands: MelBands
  readonly shape: Omit<FrameChainShape, keyof ChainSettings>
}

class NativeFrameChain implements FrameStream {
  readonly #host: FrameChainHost
  readonly #convention: MelConvention
  readonly #corrects: boolean
  readonly #chain: FrameChainHandle
  readonly #padding: number
  /** Number of later frames that begin before a frame ends. */
  readonly #span: number
  readonly #mel: TargetFrames
  #frames = 0
  #fed = 0
  #returned = 0
  #ended = false

  constructor(host: FrameChainHost, { bands, shape }: ConventionTables, settings: ChainSettings) {
    const { convention } = bands
    this.#host = host
    this.#convention = convention
    this.#corrects = settings.operation === 'correct'
    this.#padding = framePadding(convention)
    this.#span = Math.ceil(convention.fftSize / convention.hop) - 1
    this.#mel = new TargetFrames(bands)
    this.#chain = host.addon.openFrameChain(host.handle, { ...settings, ...shape })
  }

  pushMel(mel: Mel): void {
    this.#mel.push(mel)
  }

  /** If a call is stopped midway, the stream is disposed of. */
  async push(samples: Float32Array, last: boolean, signal?: AbortSignal): Promise<Float32Array> {
    const { addon, handle, queue } = this.#host
    queue.checkAlive()
    throwIfAborted(signal)
    if (this.#ended) throw new DiffWaveError('DISPOSED', 'the stream has ended')
    const audio = snapshot(samples)
    this.#fed += audio.length
    this.#ended = last
    try {
      const prediction = new Float32Array(this.#fed - this.#returned)
      const targets = this.#targets(last)
      const written = await queue.run(
        cancelled => addon.pushFrameChain(handle, this.#chain, { audio, last, targets, prediction, cancelled }),
        signal,
      )
      this.#returned += written
      return prediction.subarray(0, written)
    } catch (error) {
      this.dispose()
      throw error
    }
  }

  /** Band energies of the frames that can be added now, because their samples are all here or the clip has ended. */
  #targets(last: boolean): Float64Array {
    const frames = Math.max(this.#frames, last ? this.#lastFrames() : this.#completeFrames())
    const targets = this.#mel.rows(this.#frames, frames).slice()
    this.#frames = frames
    this.#mel.forget(frames)
    // A refinement takes them rounded to float32.
    return this.#corrects ? targets : targets.map(Math.fround)
  }

  #completeFrames(): number {
    return Math.floor((this.#padding + this.#fed) / this.#convention.hop) - this.#span
  }

  /** Number of frames of a clip that has ended. A corrected clip may have one more frame, centred on its end. */
  #lastFrames(): number {
    const frames = Math.floor(this.#fed / this.#convention.hop)
    return this.#corrects ? Math.min(this.#mel.end, frames + 1) : frames
  }

  /** Frees the memory after running work has ended. */
  dispose(): void {
    this.#ended = true
    const { addon, handle, queue } = this.#host
    void queue.after(() => addon.closeFrameChain(handle, this.#chain))
  }
}

/** Returns what makes the tables of a convention, once for each. */
export function keptTables(): (convention: MelConvention) => ConventionTables {
  const known = new WeakMap<MelConvention, ConventionTables>()
  return convention => {
    const tables = known.get(convention) ?? tablesOf(convention)
    known.set(convention, tables)
    return tables
  }
}

function tablesOf(convention: MelConvention): ConventionTables {
  const bands = new MelBands(convention)
  const size = convention.fftSize
  return {
    bands,
    shape: {
      ...filterTables(bands),
      size,
      hop: convention.hop,
      bands: convention.bands,
      padding: framePadding(convention),
      squared: convention.power === 2,
      unit: 1 / bands.windowNorm,
      window: hannWindow(convention.windowLength, size),
      roots: unitRoots(size),
    },
  }
}
