/** Mels and audio streams for tests. */
import type { Mel } from '#src/audio/mel/convention'
import { concatenateAudio } from '#src/core/concatenate'
import { gaussian } from '#src/core/random'

/** Makes a mel of 80 bands with values in the range of the lmnt convention, 0 to 1. */
export function someMel(frames: number, draw = 0): Mel {
  const data = gaussian(99, draw, 0, 80 * frames).map(value => Math.min(1, Math.max(0, 0.5 + 0.2 * value)))
  return { data, bands: 80, frames }
}

/** Collects all audio of a stream. */
export async function collect(stream: AsyncIterable<Float32Array>): Promise<Float32Array> {
  const pieces: Float32Array[] = []
  for await (const piece of stream) pieces.push(piece)
  return concatenateAudio(pieces)
}
