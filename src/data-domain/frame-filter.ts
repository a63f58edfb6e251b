/**
 * A time-varying filter for audio that arrives piece by piece: each bin of each windowed frame is multiplied by a real
 * gain, and the frames are overlap-added under the same window (Griffin & Lim 1984, eq. 6). Frame f is centred where
 * the mel convention centres it. The gains of the first frame also hold before it, those of the last frame after it.
 * Frames are added in order, so the result does not depend on the pieces.
 */
import type { MelConvention } from '../audio/mel/convention.js'
import { frameCentre } from '../audio/mel/frames.js'
import { FrameTransform } from '../audio/transforms/stft.js'

type Framing = Pick<MelConvention, 'fftSize' | 'windowLength' | 'hop' | 'framing'>

/** Sums of squared windows below it count as this: nothing is divided by zero where no window reaches. */
const TINY = 1e-12

/** Index in the clip at which the transform of a frame begins; negative if that is before the clip. */
export function frameStart(frame: number, framing: Framing): number {
  return Math.floor(frameCentre(frame, framing) - framing.fftSize / 2)
}

/** The first frame whose transform reaches sample 0; 0 or negative. */
export function firstFrame(framing: Framing): number {
  return Math.floor((-framing.fftSize / 2 - frameCentre(0, framing)) / framing.hop) + 1
}

export class FrameFilter {
  readonly #transform: FrameTransform
  /** Σ of squared windows over a sample, by its position within a hop. */
  readonly #squares: Float64Array
  readonly #gains: Float64Array[] = []
  /** Index of the frame of `#gains[0]`. */
  #firstGains = 0
  #gainsEnded = false
  /** The next frame to add. */
  #frame: number
  /** Audio and sums from the next frame's start on. */
  #audio: Float32Array<ArrayBufferLike>
  #sums: Float64Array<ArrayBufferLike>
  #samplesIn = 0
  #samplesOut = 0

  constructor(readonly framing: Framing) {
    const { fftSize, hop } = framing
    this.#transform = new FrameTransform(framing)
    this.#squares = new Float64Array(hop)
    this.#transform.window.forEach((w, i) => {
      this.#squares[i % hop]! += w * w
    })
    this.#frame = firstFrame(framing)
    this.#sums = new Float64Array(fftSize)
    this.#audio = new Float32Array(-frameStart(this.#frame, framing))
  }

  /** Gains of the next frame, `[bins]`. */
  pushGains(gains: Float64Array): void {
    this.#gains.push(gains)
  }

  /** Ends the gains: the last ones hold from here on. */
  endGains(): void {
    this.#gainsEnded = true
  }

  /**
   * Appends audio and returns what is now final.
   *
   * @param last whether this is the last audio; then all the rest is returned
   */
  push(audio: Float32Array, last: boolean): Float32Array {
    const { fftSize, hop } = this.framing
    const before = this.#audio
    this.#audio = new Float32Array(before.length + audio.length + (last ? fftSize : 0))
    this.#audio.set(before)
    this.#audio.set(audio, before.length)
    this.#samplesIn += audio.length
    const results = new Float32Array(this.#samplesIn - this.#samplesOut)
    let count = 0
    let at = 0
    while (at + fftSize <= this.#audio.length && this.#samplesOut < this.#samplesIn) {
      const gains = this.#gainsOf(this.#frame)
      if (gains === null) break
      this.#add(at, gains)
      // Samples before the next frame's start are final.
      const start = frameStart(this.#frame, this.framing)
      for (let i = Math.max(0, this.#samplesOut - start); i < hop && start + i < this.#samplesIn; i++) {
        results[count++] = this.#sums[i]! / Math.max(TINY, this.#squares[i]!)
        this.#samplesOut++
      }
      this.#sums.copyWithin(0, hop)
      this.#sums.fill(0, fftSize - hop)
      this.#frame++
      at += hop
    }
    this.#audio = this.#audio.slice(at)
    return results.slice(0, count)
  }

  #gainsOf(frame: number): Float64Array | null {
    const wanted = Math.max(0, frame)
    const newest = this.#firstGains + this.#gains.length - 1
    if (wanted > newest && !this.#gainsEnded) return null
    while (this.#firstGains < Math.min(wanted, newest)) {
      this.#gains.shift()
      this.#firstGains++
    }
    return this.#gains[0] ?? null
  }

  #add(at: number, gains: Float64Array): void {
    const spectrum = this.#transform.forward(this.#audio, at) as number[]
    for (let bin = 0; bin < gains.length; bin++) {
      spectrum[2 * bin]! *= gains[bin]!
      spectrum[2 * bin + 1]! *= gains[bin]!
    }
    this.#transform.inverseAdd(spectrum, this.#sums, 0)
  }
}
