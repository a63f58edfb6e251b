/** What to know of gaps that are filled at another rate than the recording's. */

/**
 * A sentence on how `inpaint` fills the gaps of a recording at another rate than the model's; null if the rates are
 * equal.
 *
 * @param sampleRate of the recording, Hz
 * @param modelRate in Hz
 */
export function rateNote(sampleRate: number, modelRate: number): string | null {
  if (sampleRate === modelRate) return null
  const made = `The gaps are filled at the rate of the model, ${modelRate} Hz, and resampled to ${sampleRate} Hz`
  return sampleRate > modelRate ? `${made}: they have no sound above ${modelRate / 2} Hz.` : `${made}.`
}
