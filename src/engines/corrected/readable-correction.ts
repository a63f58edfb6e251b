/** The readable correction as a stream, for engines that have none of their own. */
import { nextTurn } from '#platform/core/turn'
import type { Mel } from '../../audio/mel/convention.js'
import type { CorrectionStream, MelCorrection } from '../../audio/mel/correction.js'
import type { TargetFrames } from '../../audio/mel/target-frames.js'
import { concatenateAudio } from '../../core/concatenate.js'
import { throwIfAborted } from '../../core/errors.js'
import type { FrameStream } from '../engine.js'

/** Samples corrected between two turns of the event loop: some 5 ms of work per pass. */
const SAMPLES_PER_TURN = 32_768

export class ReadableCorrection implements FrameStream {
  readonly #targets: TargetFrames
  readonly #stream: CorrectionStream

  constructor(correction: MelCorrection) {
    this.#targets = correction.targets()
    this.#stream = correction.stream(this.#targets)
  }

  pushMel(mel: Mel): void {
    this.#targets.push(mel)
  }

  async push(audio: Float32Array, last: boolean, signal?: AbortSignal): Promise<Float32Array> {
    throwIfAborted(signal)
    const pieces: Float32Array[] = []
    let start = 0
    for (; audio.length - start > SAMPLES_PER_TURN; start += SAMPLES_PER_TURN) {
      pieces.push(this.#stream.push(audio.subarray(start, start + SAMPLES_PER_TURN), false))
      await nextTurn()
      throwIfAborted(signal)
    }
    pieces.push(this.#stream.push(audio.subarray(start), last))
    this.#targets.forget(this.#stream.neededFrame)
    return concatenateAudio(pieces)
  }

  dispose(): void {}
}
