/** Small inputs for the command line's tests: a model that is fast, and mels and recordings that fit it. */
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { gaussian } from '#src/core/random'
import { encodeNpy } from '#src/formats/npy'
import { golden } from './paths.js'
import type { Scratch } from './process.js'

/** A vocoder of 8 channels and 6 layers, of the lmnt convention (22,050 Hz, 80 bands, hop 256), six steps. */
export const smallVocoder = golden('lmnt-conditional-c8-l6/weights.pt')
/** A generator of the same size. */
export const smallGenerator = golden('lmnt-unconditional-c8-l6/weights.pt')

/** Numbers within the range of the lmnt convention. */
export function melNumbers(count: number): Float32Array {
  return gaussian(1, 0, 0, count).map(value => Math.min(Math.max(0.4 + value / 10, 0), 1))
}

/** A mel of the small vocoder's convention as a `.npy` file. */
export function npyMel(frames: number, bands = 80): Uint8Array {
  return encodeNpy({ shape: [bands, frames], data: melNumbers(bands * frames) })
}

/** Noise as a WAV file. */
export function noiseWav(draw: number, samples: number, sampleRate = 22_050): Uint8Array {
  return encodeWav({ samples: gaussian(2, draw, 0, samples).map(x => x / 9), sampleRate })
}

/** A call that is refused: its arguments, exit status and error code. */
export type Refusal = readonly [name: string, args: readonly string[], status: number, code: string]

/** `tone.wav` in a scratch folder. */
export function putTone({ put }: Scratch): string {
  return put('tone.wav', noiseWav(0, 2000, 16_000))
}
