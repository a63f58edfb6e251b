/** Numbers as people read them. */
import { tickLabel } from '../drawing/ticks.js'

export function seconds(value: number): string {
  return `${value.toFixed(2)} s`
}

export function decibels(value: number): string {
  return Number.isFinite(value) ? `${tickLabel(value, 1)} dB` : '– dB'
}

export function hertz(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(2)} kHz` : `${value.toFixed(0)} Hz`
}

/** Three significant digits; a dash for nothing. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(2).replaceAll('-', '−')
  return tickLabel(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
}
