/** Round numbers along an axis. */

/** Round numbers from 0 to `end`, at most `max` steps apart, and their texts. */
export function roundTicks(end: number, max: number): readonly (readonly [value: number, text: string])[] {
  if (!(end > 0)) return [[0, '0']]
  const power = 10 ** Math.floor(Math.log10(end / max))
  const step = [1, 2, 5].map(factor => factor * power).find(step => end / step <= max) ?? 10 * power
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  const count = Math.floor(end / step + 1e-9)
  return Array.from({ length: count + 1 }, (_, i) => [i * step, i === 0 ? '0' : (i * step).toFixed(decimals)])
}

/** Frequencies in kHz that an axis may name, the most important ones first. */
export const FREQUENCY_TICKS = [0, 1, 4, 8, 2, 16, 24, 0.5, 3, 6, 12, 20, 32, 48, 0.2, 5, 10]
