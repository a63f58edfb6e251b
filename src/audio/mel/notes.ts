/** Notes on mels that can be used, but that may not be what the user thinks. */
import { isFloat32Array } from '../../core/any-realm.js'
import { describe } from '../../core/describe.js'
import { DiffWaveError } from '../../core/errors.js'
import { checkMel } from './check-mel.js'
import { type ConventionName, conventionOf, type Mel, type MelConvention } from './convention.js'
import { looksTransposed } from './orientation.js'
import { MelSummary, paddingDoubt, valueScaleDoubt } from './value-scale.js'

/**
 * Looks for what is doubtful about a mel: that its range or floor belongs to another scale (log10, −4 … 4, normalised,
 * linear), so that it would sound like noise; that it ends with zeros, which are loud; or that it is square, so that
 * its bands and frames may be swapped.
 *
 * @param mel `[bands × frames]`
 * @param convention of the model that is to use it: `vocoder.config.mel`, or the name of a convention
 * @returns one sentence per doubt; empty if there is none
 * @throws DiffWaveError `BAD_MEL`, `NOT_FINITE`, `BAD_CONFIG` (not a convention)
 * @example
 * for (const note of melNotes(mel, 'tacotron2')) console.warn(note)
 */
export function melNotes(mel: Mel, convention: MelConvention | ConventionName): readonly string[] {
  checkMel(mel, 'melNotes mel')
  const described = conventionOf(convention, 'melNotes convention')
  const summary = new MelSummary()
  summary.add(mel)
  return melDoubts(summary, described, mel.bands === mel.frames ? mel : null)
}

/**
 * What is doubtful about a mel that was read piece by piece: one sentence per doubt.
 *
 * @param summary of the whole mel
 * @param convention that the mel should follow; null for any
 * @param square the mel, if it has as many frames as bands; else null
 */
export function melDoubts(
  summary: MelSummary,
  convention: MelConvention | null,
  square: Mel | null,
): readonly string[] {
  const notes: string[] = []
  const doubt = convention === null ? null : valueScaleDoubt(summary, convention)
  if (doubt !== null) notes.push(`The mel may be on a scale other than the model’s: ${doubt}.`)
  const padding = convention === null ? null : paddingDoubt(summary, convention)
  if (padding !== null) notes.push(`The mel may be padded: ${padding}.`)
  if (square !== null) {
    const transposed = looksTransposed(square) ? ', though it looks transposed' : ''
    notes.push(`The mel is square, ${square.bands} × ${square.frames}: it is read as [bands × frames]${transposed}.`)
  }
  return notes
}

/**
 * Share of samples beyond full scale, 0 to 1. If more than a hundredth of a vocoder's output is clipped, its mel was
 * probably on another scale than the model's.
 *
 * @param samples nominally within ±1
 * @throws DiffWaveError `BAD_AUDIO`
 * @example
 * if (clippedShare(speech.samples) > 0.01) console.warn('is this mel of the model’s convention?')
 */
export function clippedShare(samples: Float32Array): number {
  if (!isFloat32Array(samples)) {
    throw new DiffWaveError('BAD_AUDIO', 'the samples are of the wrong type', {
      expected: 'a Float32Array',
      got: describe(samples),
      where: 'clippedShare samples',
    })
  }
  let clipped = 0
  for (let i = 0; i < samples.length; i++) if (Math.abs(samples[i]!) > 1) clipped++
  return samples.length === 0 ? 0 : clipped / samples.length
}
