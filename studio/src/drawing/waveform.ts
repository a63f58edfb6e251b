/** Waveforms: the range of the samples under each column of pixels. */
import type { Scale } from './scale.js'
import type { Area, Surface } from './surface.js'

/** Lowest and highest sample of each column, in turn. */
export function envelope(samples: Float32Array, columns: number): Float32Array {
  const ranges = new Float32Array(2 * columns)
  for (let column = 0; column < columns; column++) {
    const from = Math.floor((column * samples.length) / columns)
    const to = Math.max(from + 1, Math.floor(((column + 1) * samples.length) / columns))
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (let i = from; i < Math.min(to, samples.length); i++) {
      low = Math.min(low, samples[i]!)
      high = Math.max(high, samples[i]!)
    }
    ranges[2 * column] = Number.isFinite(low) ? low : 0
    ranges[2 * column + 1] = Number.isFinite(high) ? high : 0
  }
  return ranges
}

/** Fills the waveform of `samples` over the whole width of an area. */
export function drawWaveform(surface: Surface, area: Area, samples: Float32Array, scale: Scale): void {
  const { context, palette, ratio } = surface
  const columns = Math.max(1, Math.round(area.width * ratio))
  const ranges = envelope(samples, columns)
  context.fillStyle = palette.accent
  const clamp = (y: number) => Math.min(area.top + area.height, Math.max(area.top, y))
  for (let column = 0; column < columns; column++) {
    const [low, high] = [ranges[2 * column]!, ranges[2 * column + 1]!]
    const top = clamp(scale.pixel(high))
    const height = Math.max(1 / ratio, clamp(scale.pixel(low)) - top)
    context.fillRect(area.left + (column * area.width) / columns, top, area.width / columns, height)
  }
}
