/** The picture of a sound: its waveform above its spectrogram, on one axis of time, with a scale of levels. */
import { loudnessOf } from '../audio/loudness.js'
import type { LevelRange, Spectrogram } from '../audio/spectrogram.js'
import { drawXAxis, drawYAxis } from './axes.js'
import { colourMap, SHADES } from './colour-map.js'
import { linearScale, type Scale } from './scale.js'
import { drawSpectrogram } from './spectrogram-image.js'
import type { Area, Surface } from './surface.js'
import { drawWaveform } from './waveform.js'

export interface SoundPicture {
  readonly samples: Float32Array
  /** Hz. */
  readonly sampleRate: number
  readonly spectrogram: Spectrogram
  readonly range: LevelRange
  readonly withWaveform: boolean
  readonly withLevels: boolean
  /** Amplitude that the waveform's axis reaches at least, so that pictures of one row compare. */
  readonly peak?: number | undefined
}

const LEFT = 44
const RIGHT = 10
const BOTTOM = 24
const TOP = 6
const GAP = 10
/** Room for the scale of levels, and its bar. */
const LEVELS = 58
const BAR = 8
/** Share of the height that the waveform takes. */
const WAVE_SHARE = 0.28

/** Areas of a picture, in CSS pixels. */
export interface SoundLayout {
  readonly wave: Area | null
  readonly spectrum: Area
  readonly levels: Area | null
}

export function soundLayout(
  { width, height }: Pick<Surface, 'width' | 'height'>,
  { withWaveform, withLevels }: Pick<SoundPicture, 'withWaveform' | 'withLevels'>,
): SoundLayout {
  const plotWidth = Math.max(20, width - LEFT - (withLevels ? LEVELS : RIGHT))
  const inner = Math.max(20, height - TOP - BOTTOM)
  const waveHeight = withWaveform ? Math.round(inner * WAVE_SHARE) : 0
  const top = withWaveform ? TOP + waveHeight + GAP : TOP
  const spectrum = { left: LEFT, top, width: plotWidth, height: Math.max(10, height - BOTTOM - top) }
  return {
    wave: withWaveform ? { left: LEFT, top: TOP, width: plotWidth, height: waveHeight } : null,
    spectrum,
    levels: withLevels ? { left: LEFT + plotWidth + 10, top, width: BAR, height: spectrum.height } : null,
  }
}

/** Seconds across a layout. */
export function timeScale({ spectrum }: SoundLayout, seconds: number): Scale {
  return linearScale(0, seconds, spectrum.left, spectrum.left + spectrum.width)
}

/** Largest amplitude of a waveform's axis: 1, 2 or 5 times a power of ten. */
function amplitudeBound(samples: Float32Array, atLeast: number): number {
  const peak = Math.max(1e-3, atLeast, loudnessOf(samples).peak)
  const power = 10 ** Math.floor(Math.log10(peak))
  return ([1, 2, 5, 10].find(factor => factor * power >= peak) ?? 10) * power
}

function drawLevelBar(surface: Surface, area: Area, { min, max }: LevelRange): void {
  const { context, palette } = surface
  for (let y = 0; y < area.height; y++) {
    const shade = 3 * Math.round((1 - y / area.height) * (SHADES - 1))
    context.fillStyle = `rgb(${colourMap[shade]} ${colourMap[shade + 1]} ${colourMap[shade + 2]})`
    context.fillRect(area.left, area.top + y, area.width, 1)
  }
  const scale = linearScale(min, max, area.top + area.height, area.top)
  context.fillStyle = palette.muted
  context.textAlign = 'left'
  context.textBaseline = 'middle'
  const right = area.left + area.width + 5
  context.fillText('dB', right, area.top + 5)
  for (const { value, label } of scale.ticks(Math.max(1, Math.floor(area.height / 30)))) {
    const y = scale.pixel(value)
    if (y > area.top + 14) context.fillText(label, right, y)
  }
}

export function drawSoundPicture(surface: Surface, picture: SoundPicture): void {
  const layout = soundLayout(surface, picture)
  const { samples, sampleRate, spectrogram, range, peak = 0 } = picture
  const { spectrum, wave, levels } = layout
  const seconds = samples.length / sampleRate
  if (wave !== null) {
    const bound = amplitudeBound(samples, peak)
    const scale = linearScale(-bound, bound, wave.top + wave.height, wave.top)
    drawYAxis(surface, wave, { scale: { ...scale, ticks: () => scale.ticks(2) }, title: '' })
    drawWaveform(surface, wave, samples, scale)
  }
  drawSpectrogram(surface, spectrum, spectrogram, range)
  const frequency = linearScale(0, sampleRate / 2000, spectrum.top + spectrum.height, spectrum.top)
  drawYAxis(surface, spectrum, { scale: frequency, title: 'kHz' })
  drawXAxis(surface, spectrum, { scale: timeScale(layout, seconds), title: 's' })
  if (levels !== null) drawLevelBar(surface, levels, range)
}
