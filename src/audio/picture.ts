/** Pictures of audio as PNG, with axes: a waveform above its mel spectrogram, or several spectrograms. */
import { encode } from 'fast-png'
import type { Mel, MelConvention } from './mel/convention.js'
import { Canvas, TEXT_HEIGHT } from './picture/canvas.js'
import { BLACK, FAINT, INK, levelColour } from './picture/colours.js'
import {
  frequencyAxis,
  levelScale,
  loudest,
  melLevels,
  paintLevels,
  type Rectangle,
  timeAxis,
  writeTitle,
} from './picture/plot.js'

const WIDTH = 1200
const WAVE_HEIGHT = 140
const MEL_HEIGHT = 320
/** Places of titles, numbers and units around the plots. */
const ABOVE = 32
const BETWEEN = 22
const BELOW = 48
const LEFT = 64
const RIGHT = 86
/** From a plot to its scale of levels. */
const SCALE_GAP = 12

/** What a picture says besides its sound. */
export interface PictureOptions {
  /** Convention of the mel: it tells the frequencies of its bands. */
  readonly convention: MelConvention
  readonly title: string
}

/**
 * The picture's PNG bytes, 1200 pixels wide: the waveform, whose scale is ±1, above the mel spectrogram. Levels are in
 * dB below the loudest one.
 *
 * @param samples mono, nominally in ±1
 * @param mel of the same audio
 */
export function drawAudio(
  samples: Float32Array,
  sampleRate: number,
  mel: Mel,
  { convention, title }: PictureOptions,
): Uint8Array {
  const canvas = new Canvas(WIDTH, ABOVE + WAVE_HEIGHT + BETWEEN + MEL_HEIGHT + BELOW)
  const width = WIDTH - LEFT - RIGHT
  const wave = { left: LEFT, top: ABOVE, width, height: WAVE_HEIGHT }
  const plot = { left: LEFT, top: ABOVE + WAVE_HEIGHT + BETWEEN, width, height: MEL_HEIGHT }
  writeTitle(canvas, title, wave)
  paintWave(canvas, samples, wave)
  const levels = melLevels(mel, convention)
  paintLevels(canvas, levels, mel, plot, loudest([levels]))
  frequencyAxis(canvas, plot, convention)
  timeAxis(canvas, plot, samples.length / sampleRate)
  levelScale(canvas, { ...plot, left: plot.left + width + SCALE_GAP })
  return canvas.png()
}

/** A waveform as the range of its samples in each column, with a scale of ±1. */
function paintWave(canvas: Canvas, samples: Float32Array, { left, top, width, height }: Rectangle): void {
  const row = (value: number) => Math.round(((1 - Math.min(Math.max(value, -1), 1)) / 2) * (height - 1))
  canvas.fill(left - 1, top, 1, height, BLACK)
  for (const value of [1, 0, -1]) {
    canvas.fill(left - 5, top + row(value), 5, 1, BLACK)
    canvas.write(String(value).replace('-', '−'), left - 9, top + row(value), 'right')
  }
  canvas.fill(left, top + row(0), width, 1, FAINT)
  for (let x = 0; x < width; x++) {
    const from = Math.floor((x * samples.length) / width)
    const to = Math.max(from + 1, Math.floor(((x + 1) * samples.length) / width))
    let low = Number.POSITIVE_INFINITY
    let high = Number.NEGATIVE_INFINITY
    for (let i = from; i < to && i < samples.length; i++) {
      low = Math.min(low, samples[i]!)
      high = Math.max(high, samples[i]!)
    }
    if (low <= high) canvas.fill(left + x, top + row(high), 1, row(low) - row(high) + 1, INK)
  }
}

/** One spectrogram among several. */
export interface PicturedMel {
  readonly mel: Mel
  readonly title: string
}

export interface SpectrogramsOptions {
  /** Convention of all mels. */
  readonly convention: MelConvention
  /** Spectrograms in a row. */
  readonly columns: number
  /** Pixels of one spectrogram. Default: 240 × 160. */
  readonly size?: readonly [width: number, height: number]
}

/** Mel spectrograms side by side, row by row, as PNG. All share one scale of levels. */
export function drawSpectrograms(
  mels: readonly PicturedMel[],
  { convention, columns, size: [width, height] = [240, 160] }: SpectrogramsOptions,
): Uint8Array {
  const rows = Math.ceil(mels.length / columns)
  const [cellWidth, cellHeight] = [LEFT + width + TEXT_HEIGHT, ABOVE + height + BETWEEN]
  const canvas = new Canvas(columns * cellWidth + RIGHT, rows * cellHeight + BELOW - BETWEEN)
  const levels = mels.map(({ mel }) => melLevels(mel, convention))
  const top = loudest(levels)
  for (const [i, { mel, title }] of mels.entries()) {
    const row = Math.floor(i / columns)
    const plot = { left: LEFT + (i % columns) * cellWidth, top: ABOVE + row * cellHeight, width, height }
    writeTitle(canvas, title, plot)
    paintLevels(canvas, levels[i]!, mel, plot, top)
    frequencyAxis(canvas, plot, convention)
    timeAxis(canvas, plot, (mel.frames * convention.hop) / convention.sampleRate, row === rows - 1)
  }
  levelScale(canvas, { left: columns * cellWidth, top: ABOVE, width, height })
  return canvas.png()
}

/** Colours of a spectrogram's picture: as many as the eye tells apart, few enough to pack well. */
const SHADES = 64
/** Rows per band. */
const BAND_HEIGHT = 2

/**
 * A mel's picture alone, one pixel per frame, the lowest band at the bottom.
 *
 * @param range of values from the darkest to the brightest colour, so that pictures side by side have one scale
 */
export function drawMel(mel: Mel, range: { readonly min: number; readonly max: number }): Uint8Array {
  const height = mel.bands * BAND_HEIGHT
  const data = new Uint8Array(mel.frames * height * 3)
  const shades = Array.from({ length: SHADES }, (_, i) => levelColour(i / (SHADES - 1)))
  const scale = (SHADES - 1) / (range.max > range.min ? range.max - range.min : 1)
  for (let y = 0; y < height; y++) {
    const band = mel.bands - 1 - Math.floor(y / BAND_HEIGHT)
    for (let x = 0; x < mel.frames; x++) {
      const shade = Math.round((mel.data[band * mel.frames + x]! - range.min) * scale)
      data.set(shades[Math.max(0, Math.min(SHADES - 1, shade))]!, (y * mel.frames + x) * 3)
    }
  }
  return encode({ width: mel.frames, height, data, channels: 3, depth: 8 })
}
