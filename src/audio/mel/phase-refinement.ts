/**
 * Audio refined to fit a mel: fast Griffin-Lim (Griffin & Lim 1984; Perraudin, Balazs & Søndergaard 2013, algorithm 2)
 * started from the audio's own phases, over audio that comes piece by piece. GLA-Grad (Liu et al. 2024) has it between
 * the passes of a diffusion model; here it follows the last. A mel tells the energy of bands, not of bins: magnitudes
 * are the audio's own with each band brought to the mel's (band-gains.ts), so that harmonics stay what the model made
 * them; spread evenly over a band's bins they would be Griffin-Lim's after some twenty iterations, whatever they
 * started from. Bins that no filter covers are left alone. `griffinLim` with `start` is the same over a whole clip,
 * byte for byte.
 *
 * Iteration k on frame f needs the samples under that frame from iteration k − 1, and for the momentum that iteration's
 * spectrum of the frame. So iterations are a chain of stages, each a frame's length less a hop behind the one before.
 * Audio moves through them in blocks of a hop, counted from the first frame's start: frames are added in order,
 * whatever the pieces.
 */

import { nextTurn } from '#platform/core/turn'
import { throwIfAborted } from '../../core/errors.js'
import { FrameTransform, framePadding } from '../transforms/stft.js'
import { BandGains } from './band-gains.js'
import { MelBands } from './bands.js'
import type { Mel, MelConvention } from './convention.js'
import { TargetFrames } from './target-frames.js'

export interface Refinement {
  readonly iterations: number
  /** 0: plain Griffin-Lim; below 1. */
  readonly momentum: number
  /**
   * How far bands are moved: 1, to the mel's, to below 2, past them. Overlapping frames take back much of each move, so
   * with 1.7 two thirds of the iterations are enough (docs/log/refinement.md).
   */
  readonly relaxation: number
}

/** Frames of work between two turns of the event loop: some 15 ms. */
const FRAMES_A_TURN = 500
const TINY = 1e-12

/** Samples that come in before one is final. */
export function refinementLookAhead({ fftSize, hop }: MelConvention, iterations: number): number {
  return iterations === 0 ? 0 : (iterations - 1) * (Math.ceil(fftSize / hop) - 1) * hop + fftSize
}

/** Numbers of the latest frames, `size` a frame. */
class FrameRing {
  readonly data: Float32Array

  constructor(
    readonly frames: number,
    readonly size: number,
  ) {
    this.data = new Float32Array(frames * size)
  }

  /** Where a frame's numbers begin in `data`. */
  at(frame: number): number {
    return (frame % this.frames) * this.size
  }
}

/** What all stages share. */
class Frames {
  readonly transform: FrameTransform
  readonly hop: number
  /** Blocks under a frame. */
  readonly overlap: number
  /** Σ of squared windows over block b, at index min(b, overlap − 1); the clip's end is not among them. */
  readonly #squares: Float64Array[]
  readonly #ending: Float64Array

  constructor(readonly convention: MelConvention) {
    this.transform = new FrameTransform(convention)
    this.hop = convention.hop
    this.overlap = Math.ceil(convention.fftSize / convention.hop)
    this.#ending = new Float64Array(this.hop)
    this.#squares = Array.from({ length: this.overlap }, (_, block) =>
      this.#sumSquares(block, block, new Float64Array(this.hop)),
    )
  }

  /** Σ of squared windows over a block, of frames up to `lastFrame`. */
  squares(block: number, lastFrame: number): Float64Array {
    return block <= lastFrame
      ? this.#squares[Math.min(block, this.overlap - 1)]!
      : this.#sumSquares(block, lastFrame, this.#ending)
  }

  #sumSquares(block: number, lastFrame: number, result: Float64Array): Float64Array {
    const { window } = this.transform
    result.fill(0)
    for (let frame = Math.max(0, block - this.overlap + 1); frame <= lastFrame; frame++) {
      const from = (block - frame) * this.hop
      for (let i = 0; i < this.hop && from + i < window.length; i++) result[i]! += window[from + i]! ** 2
    }
    return result
  }
}

/** One iteration. */
class Stage {
  /** The block that became final last. */
  readonly block: Float64Array
  /** The consistent spectra of its latest frames, `[bins × 2]`. */
  readonly spectra: FrameRing
  /** Those of the stage before; of the first, zeros. */
  readonly #previous: FrameRing
  /** The next frame to add: as many as blocks given. */
  frame = 0
  /** Samples, and sums of frames, from the next frame's start on. */
  readonly #samples: Float64Array
  readonly #sums: Float64Array
  readonly #magnitudes: Float32Array
  #filled = 0

  constructor(
    readonly frames: Frames,
    readonly momentum: number,
    readonly gains: BandGains,
    before: Stage | null,
  ) {
    const { hop, overlap, transform } = frames
    this.block = new Float64Array(hop)
    this.#samples = new Float64Array(overlap * hop)
    this.#sums = new Float64Array(overlap * hop)
    this.#magnitudes = new Float32Array(transform.bins)
    this.spectra = new FrameRing(overlap, 2 * transform.bins)
    this.#previous = before?.spectra ?? new FrameRing(overlap, 2 * transform.bins)
  }

  /** Appends a block. Returns whether a block can be taken: the next frame can be added, or no frame is left. */
  append(block: Float64Array): boolean {
    this.#samples.set(block, this.#filled)
    this.#filled += this.frames.hop
    return this.#filled === this.#samples.length
  }

  /**
   * Adds the next frame, unless it lies past the last; `block` becomes final.
   * @param targets of the frames in flight
   */
  step(targets: FrameRing, lastFrame: number): void {
    const { hop, transform } = this.frames
    const block = this.block
    const sums = this.#sums
    if (this.frame <= lastFrame) {
      const spectrum = transform.forward(this.#samples, 0) as number[]
      this.#turn(spectrum, targets)
      transform.inverseAdd(spectrum, sums, 0)
    }
    const squares = this.frames.squares(this.frame, lastFrame)
    for (let i = 0; i < hop; i++) block[i] = sums[i]! / Math.max(squares[i]!, TINY)
    sums.copyWithin(0, hop)
    sums.fill(0, sums.length - hop)
    this.#samples.copyWithin(0, hop)
    this.#filled -= hop
    this.frame++
  }

  /** Brings a spectrum's bands to the mel's; its phases go on, by the momentum, from those of the stage before. */
  #turn(spectrum: number[], targets: FrameRing): void {
    const { momentum, gains, frame, spectra } = this
    const { columnSums } = gains.bands
    const magnitudes = this.#magnitudes
    gains.magnitudes(spectrum, targets.data, targets.at(frame), magnitudes, 0)
    const { bins } = this.frames.transform
    const own = spectra.data
    const previous = this.#previous.data
    const at = spectra.at(frame)
    for (let bin = 0; bin < bins; bin++) {
      const i = 2 * bin
      const consistentReal = spectrum[i]!
      const consistentImaginary = spectrum[i + 1]!
      if (columnSums[bin] === 0) {
        spectrum[i] = Math.fround(consistentReal)
        spectrum[i + 1] = Math.fround(consistentImaginary)
        continue
      }
      const real = consistentReal + momentum * (consistentReal - previous[at + i]!)
      const imaginary = consistentImaginary + momentum * (consistentImaginary - previous[at + i + 1]!)
      own[at + i] = consistentReal
      own[at + i + 1] = consistentImaginary
      const norm = Math.sqrt(real * real + imaginary * imaginary) + TINY
      const magnitude = magnitudes[bin]!
      spectrum[i] = magnitude * Math.fround(real / norm)
      spectrum[i + 1] = magnitude * Math.fround(imaginary / norm)
    }
  }
}

/** The refinement of one clip, which begins with the mel's first frame. */
export class PhaseRefinement {
  readonly #stages: Stage[] = []
  readonly #targets: FrameRing
  readonly #mel: TargetFrames
  /** The block that is being filled. */
  readonly #block: Float64Array
  #filled = 0
  #fed = 0
  #given = 0

  /** @param convention one without a `refinementObstacle` */
  constructor(
    readonly convention: MelConvention,
    readonly refinement: Refinement,
  ) {
    const frames = new Frames(convention)
    const { iterations, momentum, relaxation } = refinement
    const bands = new MelBands(convention)
    const gains = new BandGains(bands, relaxation)
    this.#mel = new TargetFrames(bands)
    for (let i = 0; i < iterations; i++) {
      this.#stages.push(new Stage(frames, momentum, gains, this.#stages[i - 1] ?? null))
    }
    this.#targets = new FrameRing(iterations * (frames.overlap - 1) + 1, convention.bands)
    this.#block = new Float64Array(frames.hop)
    // Before the clip's first sample: zeros.
    for (let left = framePadding(convention); left > 0; left -= frames.hop) {
      this.#filled = Math.min(left, frames.hop)
      if (this.#filled === frames.hop) this.#takeBlock()
    }
  }

  /** The next frames of the mel; they must be there before the audio that they cover. */
  pushMel(mel: Mel): void {
    this.#mel.push(mel)
  }

  /**
   * Appends audio; what has become final comes in pieces, between any two of which is so little work that the event
   * loop can wait.
   *
   * @param last no more follows: the clip is as long as its mel, frames × hop
   */
  *push(audio: Float32Array, last: boolean): Generator<Float32Array, void, undefined> {
    const { hop } = this.convention
    const blocksATurn = Math.max(1, Math.floor(FRAMES_A_TURN / this.#stages.length))
    const ready = new Float32Array(hop * (last ? blocksATurn : Math.min(blocksATurn, Math.ceil(audio.length / hop))))
    this.#fed += audio.length
    const lastFrame = last ? this.#fed / hop - 1 : Number.POSITIVE_INFINITY
    let [at, count, blocks] = [0, 0, 0]
    while (at < audio.length || (last && this.#given < this.#fed)) {
      // Past the clip's end: zeros.
      const end = at < audio.length ? Math.min(hop, this.#filled + audio.length - at) : hop
      while (this.#filled < end) this.#block[this.#filled++] = audio[at++] ?? 0
      if (this.#filled < hop) continue
      if (this.#takeBlock(lastFrame)) count += this.#give(ready, count)
      if (++blocks === blocksATurn) {
        yield ready.slice(0, count)
        count = 0
        blocks = 0
      }
    }
    yield ready.slice(0, count)
  }

  /** Hands the full block to the stages, as far as it sets one free. Says whether the last of them has one. */
  #takeBlock(lastFrame = Number.POSITIVE_INFINITY): boolean {
    let block = this.#block
    this.#filled = 0
    for (const stage of this.#stages) {
      if (!stage.append(block)) return false
      if (stage === this.#stages[0] && stage.frame <= lastFrame) {
        this.#targets.data.set(this.#mel.rows(stage.frame, stage.frame + 1), this.#targets.at(stage.frame))
        this.#mel.forget(stage.frame + 1)
      }
      stage.step(this.#targets, lastFrame)
      block = stage.block
    }
    return true
  }

  /** Writes what of the last stage's block lies in the clip. */
  #give(ready: Float32Array, count: number): number {
    const { block, frame } = this.#stages.at(-1)!
    // `frame` blocks are final.
    const start = (frame - 1) * block.length - framePadding(this.convention)
    const from = Math.max(0, -start)
    const to = Math.min(block.length, this.#fed - start)
    for (let i = from; i < to; i++) ready[count + i - from] = block[i]!
    const written = Math.max(0, to - from)
    this.#given += written
    return written
  }
}

/**
 * Audio refined as it comes, with turns of the event loop in between.
 *
 * @throws DiffWaveError `ABORTED`, and what the audio throws
 */
export async function* refined(
  audio: AsyncIterable<Float32Array>,
  refinement: PhaseRefinement,
  signal: AbortSignal | undefined,
): AsyncGenerator<Float32Array, void, undefined> {
  const inTurns = async function* (piece: Float32Array, last: boolean) {
    for (const part of refinement.push(piece, last)) {
      throwIfAborted(signal)
      if (part.length > 0) yield part
      await nextTurn()
    }
  }
  for await (const piece of audio) yield* inTurns(piece, false)
  yield* inTurns(new Float32Array(0), true)
}
