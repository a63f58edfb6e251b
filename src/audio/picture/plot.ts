/** A mel spectrogram with its axes: seconds, kHz and a scale of levels in dB. */
import type { Mel, MelConvention } from '../mel/convention.js'
import { hzToMel } from '../mel/filters.js'
import { denormaliseMel } from '../mel/normalise.js'
import { type Canvas, TEXT_HEIGHT, textWidth } from './canvas.js'
import { BLACK, levelColour, type Rgb } from './colours.js'
import { FREQUENCY_TICKS, roundTicks } from './ticks.js'

/** Levels that a picture shows below the loudest one, in dB: what is softer cannot be heard beside it. */
const DYNAMIC_RANGE = 80
/** Length of the short line at a number of an axis. */
const TICK = 5
const SCALE_WIDTH = 14

export interface Rectangle {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/** Levels in dB, `[bands × frames]`, row-major. A convention without levels below its floor has none here either. */
export function melLevels(mel: Mel, convention: MelConvention): Float32Array {
  const factor = convention.power === 2 ? 10 : 20
  const smallest = Math.max(convention.floor, 1e-12)
  return mel.data.map((value, i) => {
    const linear = denormaliseMel(value, convention, Math.floor(i / mel.frames))
    return factor * Math.log10(Math.max(linear, smallest))
  })
}

/** The loudest of some levels. */
export function loudest(levels: Iterable<Float32Array>): number {
  let max = Number.NEGATIVE_INFINITY
  for (const some of levels) for (const level of some) max = Math.max(max, level)
  return Number.isFinite(max) ? max : 0
}

/** Paints levels, the lowest band at the bottom. @param top level of the brightest colour, in dB */
export function paintLevels(canvas: Canvas, levels: Float32Array, mel: Mel, at: Rectangle, top: number): void {
  const rowOf = (band: number) =>
    Array.from({ length: at.width }, (_, x) => {
      const frame = Math.floor((x * mel.frames) / at.width)
      return levelColour(1 + (levels[band * mel.frames + frame]! - top) / DYNAMIC_RANGE)
    })
  let [row, rowBand]: [readonly Rgb[], number] = [[], -1]
  for (let y = 0; y < at.height; y++) {
    const band = Math.floor(((at.height - 1 - y) * mel.bands) / at.height)
    if (band !== rowBand) [row, rowBand] = [rowOf(band), band]
    for (const [x, colour] of row.entries()) canvas.paint(at.left + x, at.top + y, colour)
  }
}

/** Seconds below a plot. @param name whether the unit is written below the numbers */
export function timeAxis(canvas: Canvas, { left, top, width, height }: Rectangle, seconds: number, name = true): void {
  const bottom = top + height
  canvas.fill(left, bottom, width, 1, BLACK)
  const max = Math.max(1, Math.min(10, Math.floor(width / 70)))
  for (const [value, text] of roundTicks(seconds, max)) {
    const x = left + Math.min(width - 1, Math.round((value / seconds) * width))
    canvas.fill(x, bottom, 1, TICK, BLACK)
    canvas.write(text, x, bottom + TICK + 4 + TEXT_HEIGHT / 2, 'centre')
  }
  if (name) canvas.write('seconds', left + width / 2, bottom + TICK + 8 + 1.5 * TEXT_HEIGHT, 'centre')
}

/** The share of a plot's height, from its bottom, at which a frequency in Hz lies. */
export function heightOf(hz: number, { melScale, minFrequency, maxFrequency, bands }: MelConvention): number {
  const [low, high] = [hzToMel(minFrequency, melScale), hzToMel(maxFrequency, melScale)]
  // Band b has its centre at position b + 1 of the bands + 1 even steps from low to high.
  const position = ((hzToMel(hz, melScale) - low) / (high - low)) * (bands + 1)
  return (position - 0.5) / bands
}

/** kHz at the left of a plot. */
export function frequencyAxis(canvas: Canvas, { left, top, height }: Rectangle, convention: MelConvention): void {
  canvas.fill(left - 1, top, 1, height, BLACK)
  const taken: number[] = []
  // Its place is free: frequencies are close together there.
  canvas.write('kHz', left - TICK - 4, top + TEXT_HEIGHT / 2, 'right')
  taken.push(top + TEXT_HEIGHT / 2)
  for (const kilohertz of FREQUENCY_TICKS) {
    const hz = 1000 * kilohertz
    if (hz < convention.minFrequency || hz > convention.maxFrequency) continue
    const share = Math.min(1, Math.max(0, heightOf(hz, convention)))
    const y = top + Math.round((1 - share) * (height - 1))
    if (taken.some(other => Math.abs(other - y) < TEXT_HEIGHT + 6)) continue
    taken.push(y)
    canvas.fill(left - TICK, y, TICK, 1, BLACK)
    canvas.write(String(kilohertz), left - TICK - 4, y, 'right')
  }
}

/** The colours of levels, at the right of a plot. */
export function levelScale(canvas: Canvas, { left, top, height }: Rectangle): void {
  for (let y = 0; y < height; y++) {
    canvas.fill(left, top + y, SCALE_WIDTH, 1, levelColour(1 - y / (height - 1)))
  }
  const step = height < 200 ? 40 : 20
  for (let level = 0; level <= DYNAMIC_RANGE; level += step) {
    const y = top + Math.round((level / DYNAMIC_RANGE) * (height - 1))
    canvas.fill(left + SCALE_WIDTH, y, TICK, 1, BLACK)
    canvas.write(level === 0 ? '0 dB' : `−${level}`, left + SCALE_WIDTH + TICK + 4, y)
  }
}

/** Writes a title above a plot, shortened to its width. */
export function writeTitle(canvas: Canvas, text: string, { left, top, width }: Rectangle): void {
  const characters = [...text]
  let shown = text
  for (let kept = characters.length - 1; kept >= 0 && textWidth(shown) > width; kept--) {
    shown = `${characters.slice(0, kept).join('')}...`
  }
  canvas.write(shown, left, top - 8 - TEXT_HEIGHT / 2)
}
