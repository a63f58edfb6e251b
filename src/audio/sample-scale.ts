/** The scale of samples: full scale, and samples that are on another scale than ±1. */

/** Largest sample of 16-bit audio. One that is as large may have been clipped. */
export const FULL_SCALE = 32767 / 32768

/** Largest |sample| of audio within ±1, however hot it was recorded: 18 dB above full scale. */
const MAX_PEAK = 8
/** Bits of the integer formats that programs store as float. */
const INTEGER_BITS = [16, 24, 32]

/**
 * Says what is doubtful about samples of this peak, as a clause.
 *
 * @param peak largest |sample|
 * @returns null if they may be on a scale of ±1
 */
export function sampleScaleDoubt(peak: number): string | null {
  if (!(peak > MAX_PEAK)) return null
  const bits = INTEGER_BITS.find(bits => peak <= 2 ** (bits - 1))
  const likely =
    bits === undefined
      ? 'they are not audio on a scale of ±1'
      : `they are probably ${bits}-bit integers stored as float, to be divided by ${2 ** (bits - 1)}`
  return `samples reach ${Math.round(peak)}, and full scale is 1: ${likely}`
}

/** Finds the largest |sample|. */
export function peakOf(samples: Float32Array): number {
  let peak = 0
  // A loop over the values would take several times as long as this loop over indices.
  for (let i = 0; i < samples.length; i++) {
    const size = Math.abs(samples[i]!)
    if (size > peak) peak = size
  }
  return peak
}
