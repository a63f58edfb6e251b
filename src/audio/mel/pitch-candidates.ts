/** The candidates of a mel's pitch: 60 … 495 Hz, evenly spaced in the logarithm. */

/** f0 of the first candidate. */
export const MIN_HERTZ = 60
export const PER_OCTAVE = 48
export const CANDIDATES = 147
