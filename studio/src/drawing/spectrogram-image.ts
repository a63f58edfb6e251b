/** Spectrograms as pixels. */
import type { LevelRange, Spectrogram } from '../audio/spectrogram.js'
import { colourMap, SHADES } from './colour-map.js'
import type { Area, Surface } from './surface.js'

/**
 * Pixels of a spectrogram, RGBA, the highest frequency on top. A pixel that covers several bins has the loudest one.
 *
 * @param width @param height in pixels
 */
export function spectrogramPixels(
  { levels, frames, bins }: Spectrogram,
  { min, max }: LevelRange,
  width: number,
  height: number,
): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * width * height)
  const scale = (SHADES - 1) / (max - min)
  for (let x = 0; x < width; x++) {
    const frame = Math.min(frames - 1, Math.floor((x * frames) / width))
    for (let y = 0; y < height; y++) {
      const low = Math.min(bins - 1, Math.floor(((height - 1 - y) * bins) / height))
      const high = Math.max(low + 1, Math.floor(((height - y) * bins) / height))
      let level = Number.NEGATIVE_INFINITY
      for (let bin = low; bin < Math.min(high, bins); bin++) level = Math.max(level, levels[frame * bins + bin]!)
      const shade = 3 * Math.max(0, Math.min(SHADES - 1, Math.round((level - min) * scale)))
      const at = 4 * (y * width + x)
      pixels[at] = colourMap[shade]!
      pixels[at + 1] = colourMap[shade + 1]!
      pixels[at + 2] = colourMap[shade + 2]!
      pixels[at + 3] = 255
    }
  }
  return pixels
}

/** Draws a spectrogram into an area, pixel by pixel of the screen. */
export function drawSpectrogram(surface: Surface, area: Area, picture: Spectrogram, range: LevelRange): void {
  const { context, ratio } = surface
  const width = Math.max(1, Math.round(area.width * ratio))
  const height = Math.max(1, Math.round(area.height * ratio))
  const image = new ImageData(spectrogramPixels(picture, range, width, height), width, height)
  context.putImageData(image, Math.round(area.left * ratio), Math.round(area.top * ratio))
}
