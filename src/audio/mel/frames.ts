/** Mels by frames: how many to process at a time, how to cut them, and where in time they lie. */
import type { Mel, MelConvention } from './convention.js'

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

/** The place of a frame's middle in samples: f × hop in a centred convention, (f + ½) × hop in the other. */
export function frameCentre(frame: number, { hop, framing }: Pick<MelConvention, 'hop' | 'framing'>): number {
  return frame * hop + (framing === 'centre' ? 0 : hop / 2)
}

/**
 * Interpolates one value per frame to samples start … start + count − 1, linearly, and constant beyond the ends. A
 * frame's value is that at its middle (`frameCentre`). A sample's number depends on nothing but the two frames and its
 * place between them, so that parts have the numbers of the whole.
 *
 * @param frames value of each frame, at least one
 */
export function atSamples(
  frames: ArrayLike<number>,
  convention: Pick<MelConvention, 'hop' | 'framing'>,
  start: number,
  count: number,
): Float32Array {
  const { hop } = convention
  const last = frames.length - 1
  const offset = frameCentre(0, convention)
  const out = new Float32Array(count)
  for (let i = 0; i < count; i++) {
    const at = Math.min(last * hop, Math.max(0, start + i - offset))
    const below = Math.floor(at / hop)
    const above = Math.min(last, below + 1)
    out[i] = frames[below]! + ((at - below * hop) / hop) * (frames[above]! - frames[below]!)
  }
  return out
}
