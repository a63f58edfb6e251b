/** Small inputs for tests of the command line: fast models, and mels and recordings for them. */
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { gaussian } from '#src/core/random'
import { encodeNpy } from '#src/formats/npy'
import { golden } from './paths.js'
import type { Scratch } from './process.js'

/** A vocoder of 8 channels and 6 layers, of the lmnt convention (22,050 Hz, 80 bands, hop 256), six steps. */
export const smallVocoder = golden('lmnt-conditional-c8-l6/weights.pt')
/** A generator of the same size. */
export const smallGenerator = golden('lmnt-unconditional-c8-l6/weights.pt')

/** Makes numbers in the range of the lmnt convention. They recur after a while, since to draw each takes long. */
export function melNumbers(count: number): Float32Array {
  const drawn = gaussian(1, 0, 0, Math.min(count, 7919)).map(value => Math.min(Math.max(0.4 + value / 10, 0), 1))
  const numbers = new Float32Array(count)
  for (let i = 0; i < count; i += drawn.length) numbers.set(drawn.subarray(0, count - i), i)
  return numbers
}

/** Makes a mel of the small vocoder's convention as a `.npy` file. */
export function npyMel(frames: number, bands = 80): Uint8Array {
  return encodeNpy({ shape: [bands, frames], data: melNumbers(bands * frames) })
}

/** Makes a WAV file of noise. */
export function noiseWav(draw: number, samples: number, sampleRate = 22_050): Uint8Array {
  return encodeWav({ samples: gaussian(2, draw, 0, samples).map(x => x / 9), sampleRate })
}

/** A call that is refused: its arguments, exit status and error code. */
export type Refusal = readonly [name: string, args: readonly string[], status: number, code: string]

/** Writes `tone.wav` into a scratch folder. @returns its path */
export function putTone({ put }: Scratch): string {
  return put('tone.wav', noiseWav(0, 2000, 16_000))
}
