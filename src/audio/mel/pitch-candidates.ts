/** The candidates for the pitch of a mel: 60 … 495 Hz, evenly spaced in log frequency. */

/** f0 of the first candidate in Hz. */
export const MIN_HERTZ = 60
export const PER_OCTAVE = 48
export const CANDIDATES = 147
