/** Mel conventions, and clips, on which the refinement of phases is tested. */
import { type Mel, type MelConvention, melConventionSchema, namedConventions } from '#src/audio/mel/convention'
import { gaussian } from '#src/core/random'

const { tacotron2, hifigan, lmnt } = namedConventions

/** A convention of short frames with some fields of its own. */
export function smallConvention(fields: Partial<MelConvention> = {}): MelConvention {
  return melConventionSchema.parse({ ...tacotron2, fftSize: 64, windowLength: 64, hop: 16, bands: 8, ...fields })
}

export const refinedConventions: readonly MelConvention[] = [
  tacotron2,
  hifigan,
  lmnt,
  smallConvention({ framing: 'edge', power: 2 }),
  // Windows that are no multiple of the hop, and shorter than the transform.
  smallConvention({ windowLength: 50, hop: 13 }),
]

/** A mel within the convention's numbers, and audio that does not fit it. */
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
