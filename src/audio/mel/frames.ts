/** Mels by frames: how many to process at a time, and how to cut them. */
import type { Mel } from './convention.js'

/** Number of frames to transform between two turns of the event loop: some 15 ms of work. */
export const FRAMES_PER_TURN = 500

/** Copies frames start … end − 1 of a mel. Past its end, the last frame is repeated. */
export function sliceMel(mel: Mel, start: number, end: number): Mel {
  const frames = end - start
  const data = new Float32Array(mel.bands * frames)
  const present = Math.min(end, mel.frames)
  for (let band = 0; band < mel.bands; band++) {
    const at = band * mel.frames
    data.set(mel.data.subarray(at + start, at + present), band * frames)
    for (let frame = Math.max(start, present); frame < end; frame++) {
      data[band * frames + frame - start] = mel.data[at + mel.frames - 1]!
    }
  }
  return { data, bands: mel.bands, frames }
}
