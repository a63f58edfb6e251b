/** Where an axis has its marks, and what they say. */

export interface Tick {
  readonly value: number
  readonly label: string
}

/** A number with a true minus sign and no needless zeros. */
export function tickLabel(value: number, decimals: number): string {
  const text = value.toFixed(decimals)
  return (Number(text) === 0 ? (0).toFixed(decimals) : text).replace('-', '−')
}

/** Digits after the point that an axis has room for. */
const MAX_DECIMALS = 4

/** A number as a short power of ten, as `1.5e−5`. @param step difference of two marks */
function powerLabel(value: number, step: number): string {
  if (Math.abs(value) < step / 2) return '0'
  const digits = Math.floor(Math.log10(Math.abs(value)) + 1e-9) - Math.floor(Math.log10(step) + 1e-9)
  const text = value.toExponential(Math.max(0, digits))
  return text.replace(/\.?0+e/, 'e').replaceAll('-', '−')
}

/** Marks at 1, 2 or 5 times a power of ten, at most `count` intervals. */
export function linearTicks(min: number, max: number, count: number): readonly Tick[] {
  if (!(max > min) || count < 1) return []
  const rough = (max - min) / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5].find(factor => factor * power >= rough * (1 - 1e-9)) ?? 10) * power
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  const first = Math.ceil(min / step - 1e-9)
  const last = Math.floor(max / step + 1e-9)
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const value = (first + i) * step
    return { value, label: decimals > MAX_DECIMALS ? powerLabel(value, step) : tickLabel(value, decimals) }
  })
}

/** Marks at powers of ten; if there are few of them, also at 2 and 5 times these. */
export function logTicks(min: number, max: number): readonly Tick[] {
  if (!(min > 0) || !(max > min)) return []
  const factors = Math.log10(max / min) > 2.5 ? [1] : [1, 2, 5]
  const ticks: Tick[] = []
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++) {
    for (const factor of factors) {
      const value = factor * 10 ** power
      if (value < min * (1 - 1e-9) || value > max * (1 + 1e-9)) continue
      const far = power < -3 || power > 4
      ticks.push({ value, label: far ? `${factor}e${tickLabel(power, 0)}` : tickLabel(value, Math.max(0, -power)) })
    }
  }
  return ticks
}
