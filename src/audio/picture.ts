/** Pictures of audio as PNG: a waveform above its mel spectrogram, or several spectrograms side by side. */
import { encode } from 'fast-png'
import type { Mel } from './mel/convention.js'
import { melRange } from './mel/mel.js'

const WIDTH = 1200
const WAVE_HEIGHT = 160
const MEL_HEIGHT = 320
const GAP = 8
const BACKGROUND = [255, 255, 255] as const
const INK = [38, 70, 120] as const
const AXIS = [200, 200, 200] as const

/** Dark to bright at even steps of perceived lightness: black, violet, red, orange, pale yellow. */
const colours = [
  [0, 0, 4],
  [60, 15, 110],
  [145, 40, 125],
  [220, 70, 85],
  [252, 150, 70],
  [252, 253, 190],
] as const

type Rgb = readonly [number, number, number]

function colour(value: number): Rgb {
  const at = Math.min(Math.max(value, 0), 1) * (colours.length - 1)
  const index = Math.min(Math.floor(at), colours.length - 2)
  const share = at - index
  const mixed = [0, 1, 2].map(c => colours[index]![c]! + (colours[index + 1]![c]! - colours[index]![c]!) * share)
  return mixed as unknown as Rgb
}

/**
 * The picture's PNG bytes, 1200 × 488 pixels. Time runs across its whole width; the waveform's scale is ±1; the mel's
 * lowest band lies at the bottom, its darkest colour at its lowest value. Short lines at the waveform's foot mark
 * seconds.
 *
 * @param samples mono, nominally in ±1
 * @param mel of the same audio, in any convention
 */
export function drawAudio(samples: Float32Array, sampleRate: number, mel: Mel): Uint8Array {
  const height = WAVE_HEIGHT + GAP + MEL_HEIGHT
  const data = new Uint8Array(WIDTH * height * 3)
  const paint = (x: number, y: number, [red, green, blue]: Rgb) => {
    data.set([red, green, blue], (y * WIDTH + x) * 3)
  }
  for (let y = 0; y < height; y++) for (let x = 0; x < WIDTH; x++) paint(x, y, BACKGROUND)

  const row = (value: number) => Math.round((1 - (Math.min(Math.max(value, -1), 1) + 1) / 2) * (WAVE_HEIGHT - 1))
  for (let x = 0; x < WIDTH; x++) {
    paint(x, row(0), AXIS)
    const from = Math.floor((x * samples.length) / WIDTH)
    const to = Math.max(from + 1, Math.floor(((x + 1) * samples.length) / WIDTH))
    let low = Number.POSITIVE_INFINITY
    let high = Number.NEGATIVE_INFINITY
    for (let i = from; i < to && i < samples.length; i++) {
      low = Math.min(low, samples[i]!)
      high = Math.max(high, samples[i]!)
    }
    for (let y = row(high); y <= row(low); y++) paint(x, y, INK)
  }
  for (let second = 1; second * sampleRate < samples.length; second++) {
    const x = Math.floor((second * sampleRate * WIDTH) / samples.length)
    for (let y = WAVE_HEIGHT - 6; y < WAVE_HEIGHT; y++) paint(x, y, [0, 0, 0])
  }

  paintMel(mel, { left: 0, top: WAVE_HEIGHT + GAP, width: WIDTH, height: MEL_HEIGHT }, paint)
  return encode({ width: WIDTH, height, data, channels: 3, depth: 8 })
}

/** Colours of a spectrogram's picture: as many as the eye tells apart, few enough to pack well. */
const SHADES = 64
/** Rows a band. */
const BAND_HEIGHT = 2

/**
 * A mel's picture alone, one pixel a frame, the lowest band at the bottom.
 *
 * @param range of values from the darkest to the brightest colour, so that pictures side by side have one scale
 */
export function drawMel(mel: Mel, range: { readonly min: number; readonly max: number }): Uint8Array {
  const height = mel.bands * BAND_HEIGHT
  const data = new Uint8Array(mel.frames * height * 3)
  const shades = Array.from({ length: SHADES }, (_, i) => colour(i / (SHADES - 1)))
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

/** Pixels of one spectrogram among several. */
const CELL_WIDTH = 300
const CELL_HEIGHT = 160

/**
 * Mel spectrograms side by side, row by row, as PNG: each 300 × 160 pixels, 8 between.
 *
 * @param mels in any convention
 * @param columns spectrograms of a row
 */
export function drawSpectrograms(mels: readonly Mel[], columns: number): Uint8Array {
  const width = columns * (CELL_WIDTH + GAP) - GAP
  const height = Math.ceil(mels.length / columns) * (CELL_HEIGHT + GAP) - GAP
  const data = new Uint8Array(width * height * 3).fill(255)
  for (const [i, mel] of mels.entries()) {
    const left = (i % columns) * (CELL_WIDTH + GAP)
    const top = Math.floor(i / columns) * (CELL_HEIGHT + GAP)
    paintMel(mel, { left, top, width: CELL_WIDTH, height: CELL_HEIGHT }, (x, y, rgb) =>
      data.set(rgb, (y * width + x) * 3),
    )
  }
  return encode({ width, height, data, channels: 3, depth: 8 })
}

interface Rectangle {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

function paintMel(mel: Mel, { left, top, width, height }: Rectangle, paint: (x: number, y: number, rgb: Rgb) => void) {
  const { min, max } = melRange(mel)
  const range = max > min ? max - min : 1
  for (let y = 0; y < height; y++) {
    const band = Math.floor(((height - 1 - y) * mel.bands) / height)
    for (let x = 0; x < width; x++) {
      const frame = Math.floor((x * mel.frames) / width)
      paint(left + x, top + y, colour((mel.data[band * mel.frames + frame]! - min) / range))
    }
  }
}
