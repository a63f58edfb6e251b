/**
 * The reverse process over a clip of any length in bounded memory. Its passes run as a wavefront: a piece of audio goes
 * through pass 0, what has become final of it through pass 1, and so on, each pass lagging by the network's receptive field
 * behind the one before. Whole-clip synthesis runs the very same way, so streaming gives the same bytes.
 *
 * A network keeps its conditioning for as long as the slowest pass in flight needs it. So at most
 * `PASSES_IN_FLIGHT` passes run in one sweep; a longer process makes several sweeps, between which the whole
 * intermediate audio is kept (4 bytes a sample, 8 with a multistep sampler), and sounds first in the last sweep.
 */
import type { Mel, MelConvention } from '../audio/mel/convention.js'
import { frameCount, isWholeMel, type MelSource, melPieces } from '../audio/mel/feed.js'
import { throwIfAborted } from '../core/errors.js'
import type { OnProgress } from '../core/progress.js'
import { gaussian } from '../core/random.js'
import { frameDeviations, sampleDeviations } from '../data-domain/energy.js'
import { Colouring } from '../data-domain/envelope.js'
import type { PriorConfig } from '../model/diffusion-config.js'
import { type Prediction, predictedNoise } from './prediction.js'
import type { PassState, Sampler } from './samplers/sampler.js'
import { concatenate, StateQueue } from './state-queue.js'

/** Passes of one sweep: at 64 channels × 30 layers, 8 passes in flight hold 88 MB of layers’ inputs, skips and mel. */
export const PASSES_IN_FLIGHT = 8

/** A network running several passes over one clip: `NoiseStream` of the engines, of which this is what matters here. */
export interface PassStream {
  pushMel(mel: Mel, last: boolean): void
  predict(pass: number, audio: Float32Array, last: boolean, signal?: AbortSignal): Promise<Float32Array>
  dispose(): void
}

/**
 * Standard normal numbers start … start + count − 1 of a draw. Draw 0 is x_T; the noise added at level n of the sampling
 * schedule (n = 0 the cleanest, which adds none) is draw n.
 */
export type NoiseSource = (draw: number, start: number, count: number) => Float32Array

/** The noise of a seed. */
export function seededNoise(seed: number): NoiseSource {
  return (draw, start, count) => gaussian(seed, draw, start, count)
}

/** The mel that conditions a clip. */
export interface MelConditioning {
  readonly source: MelSource
  readonly convention: MelConvention
  /** Frames the network looks ahead from the frame a sample lies in. */
  readonly context: number
  readonly prior: PriorConfig | null
  /** Is given every piece before it is used, to refuse what does not fit the model. */
  readonly examine?: (mel: Mel) => void
  /** Is given each piece as the last sweep comes to it: before the audio that is made of it. */
  readonly follow?: ((mel: Mel) => void) | undefined
}

export interface ReverseRequest {
  /** Opens the network for passes at these steps. */
  readonly openStream: (steps: readonly number[]) => PassStream
  readonly sampler: Sampler
  /** What the network predicts; ε where not given. */
  readonly prediction?: Prediction
  readonly noise: NoiseSource
  /**
   * What to start from in place of pure noise: a function of every sample on its own.
   *
   * @param noise x_T ~ N(0, 1), or the prior's, from sample `from` on
   */
  readonly start?: ((noise: Float32Array, from: number) => Float32Array) | undefined
  /** Mel, whose frames give the length; or the length itself in samples, a multiple of the network's patch. */
  readonly over: MelConditioning | { readonly length: number }
  /** Samples fed at a time, a multiple of the network's patch. The bytes do not depend on it. */
  readonly chunk: number
  readonly passesInFlight?: number
  readonly signal?: AbortSignal | undefined
  /** Denoiser work done, in samples × passes. */
  readonly onProgress?: OnProgress | undefined
}

/** A stretch of samples that may be fed now. */
interface Extent {
  readonly start: number
  readonly count: number
  readonly last: boolean
}

/**
 * Runs the reverse process and yields the audio, piece by piece, as it becomes final.
 *
 * @throws DiffWaveError `ABORTED`, `BAD_MEL`, and what the network throws
 */
export async function* reverseProcess(request: ReverseRequest): AsyncGenerator<Float32Array, void, undefined> {
  const { sampler } = request
  const passes = sampler.steps.length
  const size = request.passesInFlight ?? PASSES_IN_FLIGHT
  const course = new Course(request.over)
  const progress = new ProgressCount(passes, course, request.onProgress)
  let kept: PassState | null = null
  const fresh = ({ start, count }: Extent): PassState => {
    const noise = course.shape(request.noise(0, start, count), start)
    return { x: request.start?.(noise, start) ?? noise, carried: null }
  }

  for (let first = 0; first < passes; first += size) {
    const end = Math.min(passes, first + size)
    const pieces: PassState[] = []
    const start = kept === null ? fresh : slicer(kept)
    if (end < passes && first === 0) course.keepForReplay()
    if (end === passes) course.lastSweep = true
    const colour = end === passes ? course.colouring() : null
    for await (const { state, last } of sweep(request, course, first, end, start, progress)) {
      if (end < passes) pieces.push(state)
      else if (colour === null) yield state.x
      else {
        const coloured = colour(state.x, last)
        if (coloured.length > 0) yield coloured
      }
    }
    if (end < passes) kept = concatenate(pieces)
  }
}

function slicer(whole: PassState): (extent: Extent) => PassState {
  return ({ start, count }) => ({
    x: whole.x.subarray(start, start + count),
    carried: whole.carried?.subarray(start, start + count) ?? null,
  })
}

/** Passes first … end − 1 over the whole clip; yields what the last of them makes final. */
async function* sweep(
  request: ReverseRequest,
  course: Course,
  first: number,
  end: number,
  start: (extent: Extent) => PassState,
  progress: ProgressCount,
): AsyncGenerator<{ readonly state: PassState; readonly last: boolean }, void, undefined> {
  const { sampler, prediction = 'epsilon', noise, signal } = request
  const passes = sampler.steps.length
  const stream = request.openStream(sampler.steps.slice(first, end))
  const waiting = Array.from({ length: end - first }, () => new StateQueue())
  try {
    for await (const extent of course.run(stream, request.chunk, signal)) {
      let state = start(extent)
      for (let pass = first; pass < end; pass++) {
        if (state.x.length === 0 && !extent.last) break
        throwIfAborted(signal)
        const queue = waiting[pass - first]!
        queue.append(state)
        const output = await stream.predict(pass - first, state.x, extent.last, signal)
        const from = queue.position
        const count = output.length
        const here = queue.take(count)
        const eps = predictedNoise(prediction, output, here.x, sampler.alphaBars[pass]!)
        const z = sampler.needsNoise(pass) ? course.shape(noise(passes - 1 - pass, from, count), from) : null
        state = sampler.update(pass, here, eps, z)
        progress.add(count)
      }
      if (state.x.length > 0) yield { state, last: extent.last }
    }
  } finally {
    stream.dispose()
  }
}

/** What a clip is made over: hands the mel to the network and says which samples may be fed; knows the prior. */
class Course {
  /** Samples in all, once known. */
  length: number | null
  lastSweep = false
  #source: MelSource | null
  #deviations: number[] = []
  #settled = false
  #pieces: Mel[] | null = null
  #colouring: Colouring | null = null

  constructor(readonly over: ReverseRequest['over']) {
    this.#source = 'source' in over ? over.source : null
    const frames = 'source' in over ? frameCount(over.source) : null
    this.length = 'source' in over ? (frames === null ? null : frames * over.convention.hop) : over.length
  }

  /** Keeps the mel that arrives over time, for sweeps to come. */
  keepForReplay(): void {
    if (this.#source !== null && !isWholeMel(this.#source)) this.#pieces = []
  }

  /** Noise at samples from `start`, scaled by the prior's σ where there is one. */
  shape(noise: Float32Array, start: number): Float32Array {
    if (!('source' in this.over) || this.over.prior?.kind !== 'mel-energy') return noise
    const sigma = sampleDeviations(this.#deviations, this.over.convention, start, noise.length)
    return noise.map((z, i) => z * sigma[i]!)
  }

  /** For the last sweep: brings what the passes make final into the prior's colours, where it has any. */
  colouring(): ((white: Float32Array, last: boolean) => Float32Array) | null {
    if (!('source' in this.over) || this.over.prior?.kind !== 'mel-envelope') return null
    const colouring = new Colouring(this.over.convention, this.over.prior)
    this.#colouring = colouring
    return (white, last) => colouring.push(white, last)
  }

  async *run(
    stream: PassStream,
    chunk: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Extent, void, undefined> {
    if (!('source' in this.over)) {
      yield* cut(0, this.over.length, chunk, true)
      return
    }
    const { convention, context, prior, examine, follow } = this.over
    const framesAtOnce = Math.max(1, Math.ceil(chunk / convention.hop))
    let frames = 0
    let fed = 0
    for await (const { mel, last } of melPieces(
      this.#source!,
      framesAtOnce,
      this.#settled ? undefined : examine,
      signal,
    )) {
      stream.pushMel(mel, last)
      this.#colouring?.pushMel(mel, last)
      if (this.lastSweep) follow?.(mel)
      frames += mel.frames
      if (!this.#settled) {
        if (prior?.kind === 'mel-energy') this.#deviations.push(...frameDeviations(prior, convention, mel))
        if (mel.frames > 0) this.#pieces?.push(mel)
      }
      const ready = (last ? frames : Math.max(0, frames - context)) * convention.hop
      if (last) this.length = ready
      yield* cut(fed, ready, chunk, last)
      fed = Math.max(fed, ready)
    }
    this.#settled = true
    if (this.#pieces !== null) this.#source = this.#pieces
  }
}

function* cut(from: number, to: number, chunk: number, last: boolean): Generator<Extent, void, undefined> {
  for (let start = from; start < to; start += chunk) {
    const count = Math.min(chunk, to - start)
    yield { start, count, last: last && start + count === to }
  }
}

class ProgressCount {
  #done = 0

  constructor(
    readonly passes: number,
    readonly course: Course,
    readonly report: OnProgress | undefined,
  ) {}

  add(samples: number): void {
    if (samples === 0) return
    this.#done += samples
    const { length } = this.course
    this.report?.({ done: this.#done, total: length === null ? null : length * this.passes })
  }
}
