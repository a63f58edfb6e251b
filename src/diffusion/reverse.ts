/**
 * The reverse process over a clip of any length, in bounded memory. The passes run as a wavefront: a piece of audio
 * goes through pass 0, the part of its output that is final goes through pass 1, and so on. Each pass lags behind the
 * one before by the network's receptive field. Whole clips are made in the same way, so a stream has the same bytes.
 *
 * The network has to keep its conditioning until the slowest running pass has used it. To bound that memory, at most
 * `PASSES_IN_FLIGHT` passes run in one sweep over the clip. A process with more passes makes several sweeps. Between
 * two sweeps the intermediate data of the whole clip are kept (4 bytes per sample, 8 with a multistep sampler), and the
 * first audio comes in the last sweep.
 */
import type { Mel } from '../audio/mel/convention.js'
import type { MelFeed } from '../audio/mel/feed.js'
import type { MelPiece } from '../audio/mel/source.js'
import type { Callback } from '../core/callback.js'
import { concatenateAudio } from '../core/concatenate.js'
import { throwIfAborted } from '../core/errors.js'
import type { OnProgress } from '../core/progress.js'
import { orAborted } from '../core/until-aborted.js'
import { drawOfPass, type NoiseSource } from './noise.js'
import type { PassState, Sampler } from './samplers/sampler.js'
import { joined, StateQueue } from './state-queue.js'
import { type ReverseSteps, reverseStep, type WatchedStep } from './step.js'

/** Passes per sweep: at 64 channels × 30 layers, 8 passes in flight hold 88 MB of layers’ inputs, skips and mel. */
const PASSES_IN_FLIGHT = 8

/** A network that runs several passes over one clip: the part of `NoiseStream` that is needed here. */
export interface PassStream {
  pushMel(mel: Mel, last: boolean): void
  predict(pass: number, audio: Float32Array, last: boolean, signal?: AbortSignal): Promise<Float32Array>
  dispose(): void
}

/** The mel that conditions a clip. The clip is frames × hop samples long. */
interface MelInput {
  readonly mel: MelFeed
  /** Number of frames that the network looks ahead of the frame a sample lies in. */
  readonly context: number
}

export interface ReverseRequest extends ReverseSteps {
  /** Opens the network for passes at these training steps. */
  readonly openStream: (steps: readonly number[]) => PassStream
  /** Opens the noise of the data domain for one sweep, which reads each of these draws once, in order. */
  readonly openNoise: (draws: readonly number[]) => NoiseSource
  /**
   * Changes what the process starts from, sample by sample. Default: the noise as it is.
   *
   * @param noise x_T of the samples from `from` on
   */
  readonly start?: ((noise: Float32Array, from: number) => Float32Array) | undefined
  /** The mel of the clip; or its length in samples, a multiple of the network's patch. */
  readonly input: MelInput | { readonly length: number }
  /** Number of samples to process at a time, a multiple of the network's patch. The result does not depend on it. */
  readonly chunk: number
  readonly passesInFlight?: number
  readonly signal?: AbortSignal | undefined
  /** Called as the work goes on. The unit of its numbers is samples × passes. */
  readonly onProgress?: OnProgress | undefined
  /**
   * Called after each pass over the whole clip. The passes then run one after the other instead of as a wavefront, with
   * the same result.
   */
  readonly onStep?: Callback<WatchedStep> | undefined
}

/** A range of samples that can be processed now. */
interface Stretch {
  readonly start: number
  readonly count: number
  readonly last: boolean
}

/** Data that a sweep has finished: the state after its last pass, and what `onStep` reports of that pass. */
interface SweepPiece {
  readonly state: PassState
  readonly watched: { readonly input: Float32Array; readonly clean: Float32Array } | null
}

/** One sweep: passes first … end − 1 of the process. */
interface Sweep {
  readonly first: number
  readonly end: number
  readonly noise: NoiseSource
  /** Returns the state that the sweep starts from. */
  readonly start: (stretch: Stretch) => PassState
}

/**
 * Runs the reverse process and yields x_0, piece by piece, as it becomes final.
 *
 * @throws DiffWaveError `ABORTED`, `BAD_MEL`, and what the network throws
 */
export async function* reverseProcess(request: ReverseRequest): AsyncGenerator<Float32Array, void, undefined> {
  const { sampler, onStep } = request
  const passes = sampler.steps.length
  const size = onStep === undefined ? (request.passesInFlight ?? PASSES_IN_FLIGHT) : 1
  const report = progressReport(request, passes)
  let kept: PassState | null = null
  for (let first = 0; first < passes; first += size) {
    const end = Math.min(passes, first + size)
    const noise = request.openNoise(drawsOf(sampler, first, end))
    const start = kept === null ? fromNoise(request, noise) : slicer(kept)
    const pieces: SweepPiece[] = []
    for await (const piece of runSweep(request, { first, end, noise, start }, report)) {
      if (end < passes || onStep !== undefined) pieces.push(piece)
      if (end === passes) yield piece.state.x
    }
    kept = joined(pieces.map(piece => piece.state))
    await orAborted(onStep?.(watchedStep(end - 1, pieces, kept.x)), request.signal)
  }
}

/** What `onStep` reports of a pass over the whole clip. @param state the states of all pieces, joined */
function watchedStep(pass: number, pieces: readonly SweepPiece[], state: Float32Array): WatchedStep {
  const part = (name: 'input' | 'clean') => concatenateAudio(pieces.map(piece => piece.watched![name]))
  return { pass, input: part('input'), state, clean: () => part('clean') }
}

/** The draws that passes first … end − 1 read. Draw 0 is what pass 0 starts from. */
function drawsOf(sampler: Sampler, first: number, end: number): number[] {
  const added = sampler.steps.map((_, pass) => drawOfPass(sampler, pass)).slice(first, end)
  return [first === 0 ? 0 : null, ...added].filter(draw => draw !== null)
}

function fromNoise(request: ReverseRequest, noise: NoiseSource): (stretch: Stretch) => PassState {
  return ({ start, count }) => {
    const drawn = noise(0, start, count)
    return { x: request.start?.(drawn, start) ?? drawn, carried: null }
  }
}

function slicer(whole: PassState): (stretch: Stretch) => PassState {
  return ({ start, count }) => ({
    x: whole.x.subarray(start, start + count),
    carried: whole.carried?.subarray(start, start + count) ?? null,
  })
}

/** A range of samples, the mel that arrived with it, and the state that the sweep's first pass starts from. */
interface Fed {
  readonly stretch: Stretch
  readonly mels: readonly MelPiece[]
  readonly state: PassState
}

/** Runs one sweep over the whole clip, and yields what its last pass makes final. */
async function* runSweep(
  request: ReverseRequest,
  sweep: Sweep,
  report: Callback<number>,
): AsyncGenerator<SweepPiece, void, undefined> {
  const { sampler, input } = request
  const passes = new SweepPasses(request, sweep, report)
  const source = stretches(request, sweep.end === sampler.steps.length)
  const next = async (): Promise<Fed | null> => {
    const { value, done } = await source.next()
    return done ? null : { ...value, state: sweep.start(value.stretch) }
  }
  // The next range is drawn while the network works, unless its mel has not arrived yet.
  const isHere = 'length' in input || input.mel.whole !== null
  try {
    for (let fed = await next(); fed !== null; ) {
      const ahead: { following?: Promise<Fed | null> } = {}
      const piece = await passes.run(fed, () => {
        if (!isHere || ahead.following !== undefined) return
        ahead.following = next()
        ahead.following.catch(() => undefined)
      })
      if (piece.state.x.length > 0) yield piece
      fed = await (ahead.following ?? next())
    }
  } finally {
    await source.return()
    passes.dispose()
  }
}

/** The passes of one sweep, with the network that runs them and the data that each has not used yet. */
class SweepPasses {
  readonly #request: ReverseRequest
  readonly #sweep: Sweep
  readonly #report: Callback<number>
  readonly #stream: PassStream
  /** For each pass, its input that the network has taken but not answered. */
  readonly #waiting: readonly StateQueue[]

  constructor(request: ReverseRequest, sweep: Sweep, report: Callback<number>) {
    const { first, end } = sweep
    this.#request = request
    this.#sweep = sweep
    this.#report = report
    this.#stream = request.openStream(request.sampler.steps.slice(first, end))
    this.#waiting = Array.from({ length: end - first }, () => new StateQueue())
  }

  /**
   * Takes a range of samples through all passes.
   *
   * @param whileWorking called in each pass while the network works
   * @returns what the last pass makes final, which may be empty
   */
  async run({ stretch, mels, state: before }: Fed, whileWorking: () => void): Promise<SweepPiece> {
    const { signal } = this.#request
    const { first, end } = this.#sweep
    for (const { mel, last } of mels) this.#stream.pushMel(mel, last)
    let piece: SweepPiece = { state: before, watched: null }
    for (let pass = first; pass < end; pass++) {
      const { x } = piece.state
      // At the clip's end there are always some: the pass before has then returned all of its samples.
      if (x.length === 0) break
      throwIfAborted(signal)
      this.#waiting[pass - first]!.append(piece.state)
      const predicted = this.#stream.predict(pass - first, x, stretch.last, signal)
      whileWorking()
      piece = this.#step(pass, await predicted)
      await this.#report(piece.state.x.length)
    }
    return piece
  }

  /** Takes one pass over the data that the network has answered. */
  #step(pass: number, output: Float32Array): SweepPiece {
    const { sampler, onStep } = this.#request
    const { first, noise } = this.#sweep
    const queue = this.#waiting[pass - first]!
    const from = queue.position
    const here = queue.take(output.length)
    const draw = drawOfPass(sampler, pass)
    const z = draw === null ? null : noise(draw, from, output.length)
    const { state, clean } = reverseStep(this.#request, { pass, state: here, output, noise: z })
    return { state, watched: onStep === undefined ? null : { input: here.x, clean: clean() } }
  }

  dispose(): void {
    this.#stream.dispose()
  }
}

/** The ranges of samples to process, one after the other. @param last whether this is the last sweep */
async function* stretches(
  { input, chunk, signal }: ReverseRequest,
  last: boolean,
): AsyncGenerator<Omit<Fed, 'state'>, void, undefined> {
  if ('length' in input) {
    for (const stretch of cut(0, input.length, chunk, true)) yield { stretch, mels: [] }
    return
  }
  const { mel, context } = input
  let mels: MelPiece[] = []
  let frames = 0
  let fed = 0
  for await (const piece of mel.read(Math.max(1, Math.ceil(chunk / mel.hop)), last, signal)) {
    mels.push(piece)
    frames += piece.mel.frames
    const ready = (piece.last ? frames : Math.max(0, frames - context)) * mel.hop
    for (const stretch of cut(fed, ready, chunk, piece.last)) {
      yield { stretch, mels }
      mels = []
    }
    fed = Math.max(fed, ready)
  }
}

function* cut(from: number, to: number, chunk: number, last: boolean): Generator<Stretch, void, undefined> {
  for (let start = from; start < to; start += chunk) {
    const count = Math.min(chunk, to - start)
    yield { start, count, last: last && start + count === to }
  }
}

/** Reports progress in samples × passes. */
function progressReport({ input, onProgress, signal }: ReverseRequest, passes: number): Callback<number> {
  let done = 0
  return async samples => {
    if (samples === 0) return
    done += samples
    const length = 'length' in input ? input.length : input.mel.length
    await orAborted(onProgress?.({ done, total: length === null ? null : length * passes }), signal)
  }
}
