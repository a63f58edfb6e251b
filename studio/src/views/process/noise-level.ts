/** Signal-to-noise ratio that a noise level σ = √(1 − ᾱ) stands for, in dB. */
export function snrOfNoiseLevel(level: number): number {
  return 10 * Math.log10((1 - level ** 2) / level ** 2)
}
