/** Cutting mels by frames. */
import type { Mel } from './convention.js'

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
