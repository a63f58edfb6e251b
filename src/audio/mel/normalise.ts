/** The scale of a convention's values: its logarithm and its normalisation, and back. */
import type { MelConvention } from './convention.js'

/** Converts an amplitude, or a power, to the value that the convention stores: logarithm, then normalisation. */
export function normaliseMel(value: number, convention: MelConvention, band: number): number {
  const raised = Math.max(value, convention.floor)
  const logged =
    convention.logarithm === 'ln' ? Math.log(raised) : convention.logarithm === 'log10' ? Math.log10(raised) : raised
  const { normalisation } = convention
  if (normalisation === null) return logged
  if (normalisation.kind === 'affine') {
    const scaled = logged * normalisation.scale + normalisation.offset
    return normalisation.clamp === null
      ? scaled
      : Math.min(Math.max(scaled, normalisation.clamp[0]), normalisation.clamp[1])
  }
  const { mean, deviation } = normalisation
  return (logged - (mean[band] ?? mean[0]!)) / (deviation[band] ?? deviation[0]!)
}

/**
 * Converts a stored value back to an amplitude, or a power: the inverse of `normaliseMel` above the floor and within
 * the clamp.
 */
export function denormaliseMel(value: number, convention: MelConvention, band: number): number {
  const { normalisation } = convention
  let logged = value
  if (normalisation?.kind === 'affine') logged = (value - normalisation.offset) / normalisation.scale
  if (normalisation?.kind === 'standardise') {
    const { mean, deviation } = normalisation
    logged = value * (deviation[band] ?? deviation[0]!) + (mean[band] ?? mean[0]!)
  }
  return convention.logarithm === 'ln' ? Math.exp(logged) : convention.logarithm === 'log10' ? 10 ** logged : logged
}
