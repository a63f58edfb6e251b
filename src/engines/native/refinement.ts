/** Phase refinement in the addon (native/inference/refinement.h), with the bytes of `PhaseRefinement`. */
import { MelBands } from '../../audio/mel/bands.js'
import type { Mel, MelConvention } from '../../audio/mel/convention.js'
import type { Refinement } from '../../audio/mel/phase-refinement.js'
import { TargetFrames } from '../../audio/mel/target-frames.js'
import { framePadding, hannWindow } from '../../audio/transforms/stft.js'
import { DiffWaveError, throwIfAborted } from '../../core/errors.js'
import type { Engine, RefinementStream } from '../engine.js'
import { snapshot, snapshotMel } from '../snapshot.js'
import type { Addon, Handle, RefinementHandle, RefinementShape } from './addon.js'
import type { NativeQueue } from './queue.js'

/** What a refinement has of its engine. */
export interface RefinementHost {
  readonly addon: Pick<Addon, 'openRefinement' | 'refine' | 'closeRefinement'>
  readonly handle: Handle
  readonly queue: NativeQueue
  /** @throws DiffWaveError `DISPOSED` */
  readonly checkAlive: () => void
}

/** `Engine.openRefinement` by the addon. */
export function nativeRefinement(host: RefinementHost): NonNullable<Engine['openRefinement']> {
  return (convention, refinement) => {
    host.checkAlive()
    return new NativeRefinement(host, convention, refinement)
  }
}

class NativeRefinement implements RefinementStream {
  readonly #host: RefinementHost
  readonly #convention: MelConvention
  readonly #refinement: RefinementHandle
  readonly #padding: number
  /** Frames that begin before a frame ends, itself not counted. */
  readonly #span: number
  readonly #mel: TargetFrames
  #frames = 0
  #fed = 0
  #given = 0
  #ended = false

  constructor(host: RefinementHost, convention: MelConvention, refinement: Refinement) {
    const bands = new MelBands(convention)
    this.#host = host
    this.#convention = convention
    this.#padding = framePadding(convention)
    this.#span = Math.ceil(convention.fftSize / convention.hop) - 1
    this.#mel = new TargetFrames(bands)
    this.#refinement = host.addon.openRefinement(host.handle, shapeOf(bands, refinement))
  }

  pushMel(mel: Mel): void {
    this.#mel.push(snapshotMel(mel))
  }

  /** A call that was stopped on its way leaves the stream disposed. */
  async push(samples: Float32Array, last: boolean, signal?: AbortSignal): Promise<Float32Array> {
    const { addon, handle, queue, checkAlive } = this.#host
    checkAlive()
    throwIfAborted(signal)
    if (this.#ended) throw new DiffWaveError('DISPOSED', 'the refinement has ended')
    const audio = snapshot(samples)
    this.#fed += audio.length
    this.#ended = last
    const prediction = new Float32Array(this.#fed - this.#given)
    const targets = this.#targets(last)
    try {
      const written = await queue.run(cancelled => {
        checkAlive()
        return addon.refine(handle, this.#refinement, { audio, last, targets, prediction, cancelled })
      }, signal)
      this.#given += written
      return prediction.subarray(0, written)
    } catch (error) {
      this.dispose()
      throw error
    }
  }

  /** Of the frames that can be added now: their samples are all here, or the clip has ended. */
  #targets(last: boolean): Float32Array {
    const { hop, bands } = this.#convention
    const complete = last ? this.#fed / hop : (this.#padding + this.#fed) / hop - this.#span
    const frames = Math.max(this.#frames, Math.floor(complete))
    const targets = new Float32Array((frames - this.#frames) * bands)
    for (let at = 0; at < targets.length; at += bands) this.#mel.next(targets, at)
    this.#frames = frames
    return targets
  }

  /** Work under way ends first; then the memory is freed. */
  dispose(): void {
    this.#ended = true
    const { addon, handle, queue } = this.#host
    void queue.after(() => addon.closeRefinement(handle, this.#refinement))
  }
}

function shapeOf(bands: MelBands, { iterations, momentum }: Refinement): RefinementShape {
  const { convention, filters, columnSums, windowNorm } = bands
  const size = convention.fftSize
  return {
    size,
    hop: convention.hop,
    bands: convention.bands,
    iterations,
    momentum,
    padding: framePadding(convention),
    squared: convention.power === 2,
    unit: 1 / windowNorm,
    window: hannWindow(convention.windowLength, size),
    roots: unitRoots(size),
    filters: Float64Array.from(filters.flatMap(({ start, weights }) => [start, weights.length])),
    weights: Float64Array.from(filters.flatMap(({ weights }) => [...weights])),
    columnSums,
  }
}

/** e^(−2πik/size) as fft.js computes them, real and imaginary part in turn. */
function unitRoots(size: number): Float64Array {
  const roots = new Float64Array(2 * size)
  for (let i = 0; i < roots.length; i += 2) {
    const angle = (Math.PI * i) / size
    roots[i] = Math.cos(angle)
    roots[i + 1] = -Math.sin(angle)
  }
  return roots
}
