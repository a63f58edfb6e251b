/** Mel conventions and clips for tests of phase refinement. */
import { type Mel, type MelConvention, melConventionSchema, namedConventions } from '#src/audio/mel/convention'
import { gaussian } from '#src/core/random'

const { tacotron2, hifigan, lmnt } = namedConventions

/** Makes a convention of short frames, with some other fields. */
export function smallConvention(fields: Partial<MelConvention> = {}): MelConvention {
  return melConventionSchema.parse({ ...tacotron2, fftSize: 64, windowLength: 64, hop: 16, bands: 8, ...fields })
}

export const refinedConventions: readonly MelConvention[] = [
  tacotron2,
  hifigan,
  lmnt,
  smallConvention({ framing: 'edge', power: 2 }),
  // These windows are not a multiple of the hop, and are shorter than the transform.
  smallConvention({ windowLength: 50, hop: 13 }),
]

/** Makes a mel in the convention's range, and audio that does not fit it. */
export function unrefined(
  convention: MelConvention,
  frames: number,
  seed = 1,
): { readonly mel: Mel; readonly start: Float32Array } {
  const noise = gaussian(seed, 0, 0, convention.bands * frames)
  const data = convention.name === 'lmnt' ? noise.map(z => 0.5 + z / 9) : noise.map(z => z - 3)
  return {
    mel: { data, bands: convention.bands, frames },
    start: gaussian(seed, 1, 0, frames * convention.hop).map(z => 0.1 * z),
  }
}
