/**
 * Phase refinement: improves the phases of audio so that it fits a mel better. It is fast Griffin-Lim (Griffin & Lim
 * 1984; Perraudin, Balazs & Søndergaard 2013, algorithm 2) that starts from the audio's own phases, for audio that
 * arrives piece by piece. GLA-Grad (Liu et al. 2024) runs it between the passes of a diffusion model; here it follows
 * the last pass.
 *
 * A mel states the energy of bands, not of bins. So the magnitudes are the audio's own, with each band scaled to the
 * mel's energy (band-gains.ts), and harmonics stay as the model made them. If the energy were spread evenly over the
 * bins of a band, some twenty iterations would sound like plain Griffin-Lim, whatever they started from. Bins that no
 * filter covers are left alone.
 *
 * `griffinLim` with `start` does the same to a whole clip, byte for byte.
 *
 * Iteration k of frame f needs the samples of that frame after iteration k − 1, and, for the momentum, the frame's
 * spectrum in iteration k − 1. So the iterations form a chain of stages. Each stage lags behind the one before by a
 * frame's length minus a hop. Audio moves through the stages in blocks of one hop, counted from the start of the first
 * frame. Frames are therefore added in order, and the result does not depend on the pieces.
 */
import { nextTurn } from '#platform/core/turn'
import { throwIfAborted } from '../../core/errors.js'
import { FrameTransform, framePadding } from '../transforms/stft.js'
import { BandGains } from './band-gains.js'
import { MelBands } from './bands.js'
import type { Mel, MelConvention } from './convention.js'
import { FRAMES_PER_TURN } from './frames.js'
import { TargetFrames } from './target-frames.js'

export interface Refinement {
  readonly iterations: number
  /** Momentum, from 0 (plain Griffin-Lim) to below 1. */
  readonly momentum: number
  /**
   * How far each iteration moves the bands: 1 is to the mel, more (below 2) is past it. Overlapping frames undo much of
   * each move, so that with 1.7 two thirds of the iterations are enough (docs/log/refinement.md).
   */
  readonly relaxation: number
}

const TINY = 1e-12

/** Number of samples that must come in before one is final. */
export function refinementLookAhead({ fftSize, hop }: MelConvention, iterations: number): number {
  return iterations === 0 ? 0 : (iterations - 1) * (Math.ceil(fftSize / hop) - 1) * hop + fftSize
}

/** A ring buffer for the numbers of the latest frames, `size` per frame. */
class FrameRing {
  readonly data: Float32Array

  constructor(
    readonly frames: number,
    readonly size: number,
  ) {
    this.data = new Float32Array(frames * size)
  }

  /** Index in `data` at which the numbers of a frame begin. */
  at(frame: number): number {
    return (frame % this.frames) * this.size
  }
}

/** The tables that all stages share. */
class StageTables {
  readonly transform: FrameTransform
  readonly hop: number
  /** Number of blocks that a frame spans. */
  readonly overlap: number
  /**
   * Sum of the squared windows over block b, at index min(b, overlap − 1), for all blocks except those at the clip's
   * end.
   */
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

  /** Sum of the squared windows over a block, for frames up to `lastFrame`. */
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
  /** The latest final block. */
  readonly block: Float64Array
  /** The consistent spectra of the latest frames, `[bins × 2]` each. */
  readonly spectra: FrameRing
  /** The same of the stage before; zeros for the first stage. */
  readonly #previous: FrameRing
  /** The next frame to add, which is also the number of blocks made so far. */
  frame = 0
  /** Samples from the next frame's start on, and in `#sums` the sums of frames. */
  readonly #samples: Float64Array
  readonly #sums: Float64Array
  readonly #magnitudes: Float32Array
  #filled = 0

  constructor(
    readonly frames: StageTables,
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

  /** Appends a block. @returns whether `step` can be called next */
  append(block: Float64Array): boolean {
    this.#samples.set(block, this.#filled)
    this.#filled += this.frames.hop
    return this.#filled === this.#samples.length
  }

  /**
   * Adds the next frame, unless it lies past the last one. Then `block` is final.
   *
   * @param targets energies of the bands, for the frames that are in some stage
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

  /**
   * Scales the bands of a spectrum to the mel's, and extrapolates its phases from those of the stage before, by the
   * momentum.
   */
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

/** The refinement of one clip, which begins at the mel's first frame. */
export class PhaseRefinement {
  readonly #stages: Stage[] = []
  readonly #targets: FrameRing
  readonly #mel: TargetFrames
  /** The block that is being filled with samples. */
  readonly #block: Float64Array
  #filled = 0
  #fed = 0
  #returned = 0

  /** @param convention one without a `refinementObstacle` */
  constructor(
    readonly convention: MelConvention,
    readonly refinement: Refinement,
  ) {
    const frames = new StageTables(convention)
    const { iterations, momentum, relaxation } = refinement
    const bands = new MelBands(convention)
    const gains = new BandGains(bands, relaxation)
    this.#mel = new TargetFrames(bands)
    for (let i = 0; i < iterations; i++) {
      this.#stages.push(new Stage(frames, momentum, gains, this.#stages[i - 1] ?? null))
    }
    this.#targets = new FrameRing(iterations * (frames.overlap - 1) + 1, convention.bands)
    this.#block = new Float64Array(frames.hop)
    // The first frame begins before the clip: zeros.
    for (let left = framePadding(convention); left > 0; left -= frames.hop) {
      this.#filled = Math.min(left, frames.hop)
      if (this.#filled === frames.hop) this.#takeBlock()
    }
  }

  /** Appends frames of the mel. They must arrive before the audio that they cover. */
  pushMel(mel: Mel): void {
    this.#mel.push(mel)
  }

  /**
   * Appends audio, and yields what is now final. The work between two pieces is short enough not to block the event
   * loop.
   *
   * @param last whether this is the last audio. The clip must be as long as its mel, frames × hop
   */
  *push(audio: Float32Array, last: boolean): Generator<Float32Array, void, undefined> {
    const { hop } = this.convention
    const blocksATurn = Math.max(1, Math.floor(FRAMES_PER_TURN / this.#stages.length))
    const ready = new Float32Array(hop * (last ? blocksATurn : Math.min(blocksATurn, Math.ceil(audio.length / hop))))
    this.#fed += audio.length
    const lastFrame = last ? this.#fed / hop - 1 : Number.POSITIVE_INFINITY
    let [at, count, blocks] = [0, 0, 0]
    while (at < audio.length || (last && this.#returned < this.#fed)) {
      // The last block ends after the clip: zeros.
      const end = at < audio.length ? Math.min(hop, this.#filled + audio.length - at) : hop
      while (this.#filled < end) this.#block[this.#filled++] = audio[at++] ?? 0
      if (this.#filled < hop) continue
      if (this.#takeBlock(lastFrame)) count += this.#writeFinal(ready, count)
      if (++blocks === blocksATurn) {
        yield ready.slice(0, count)
        count = 0
        blocks = 0
      }
    }
    yield ready.slice(0, count)
  }

  /**
   * Moves the full block through the stages, as far as each one can make a block.
   *
   * @returns whether the last stage made one
   */
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

  /** Writes the part of the last stage's block that lies in the clip. */
  #writeFinal(ready: Float32Array, count: number): number {
    const { block, frame } = this.#stages.at(-1)!
    // So far, `frame` blocks are final.
    const start = (frame - 1) * block.length - framePadding(this.convention)
    const from = Math.max(0, -start)
    const to = Math.min(block.length, this.#fed - start)
    for (let i = from; i < to; i++) ready[count + i - from] = block[i]!
    const written = Math.max(0, to - from)
    this.#returned += written
    return written
  }
}

/**
 * Refines audio as it arrives, and gives the event loop its turns in between.
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
