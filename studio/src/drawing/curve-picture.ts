/** Curves over one axis: noise schedules, losses. */
import { drawXAxis, drawYAxis, TITLE_HEIGHT } from './axes.js'
import { linearScale, logScale, type Scale, wholeScale } from './scale.js'
import type { Area, Surface } from './surface.js'

export interface Series {
  readonly name: string
  readonly x: ArrayLike<number>
  readonly y: ArrayLike<number>
  readonly style: 'line' | 'points' | 'line and points'
  readonly colour: 'accent' | 'second' | 'muted'
}

export interface AxisChoice {
  readonly title: string
  /** `whole`: linear, with marks at whole numbers alone. */
  readonly kind: 'linear' | 'whole' | 'log'
  /** Bounds; from the data if left out. */
  readonly min?: number | undefined
  readonly max?: number | undefined
}

export interface CurvePicture {
  readonly series: readonly Series[]
  readonly xAxis: AxisChoice
  readonly yAxis: AxisChoice
  /** A place on the x-axis to mark. */
  readonly mark?: number | undefined
}

const MARGIN = { left: 52, right: 12, top: 10 + TITLE_HEIGHT, bottom: 26 } as const

export function curveArea({ width, height }: Pick<Surface, 'width' | 'height'>): Area {
  const { left, right, top, bottom } = MARGIN
  return { left, top, width: Math.max(10, width - left - right), height: Math.max(10, height - top - bottom) }
}

function boundsOf(values: readonly ArrayLike<number>[], log: boolean): readonly [number, number] {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const list of values) {
    for (let i = 0; i < list.length; i++) {
      const value = list[i]!
      if (!Number.isFinite(value) || (log && value <= 0)) continue
      min = Math.min(min, value)
      max = Math.max(max, value)
    }
  }
  if (!Number.isFinite(min)) return log ? [0.1, 1] : [0, 1]
  if (min < max) return [min, max]
  return log ? [min / 2, min * 2] : [min - 0.5, min + 0.5]
}

function scaleOf(choice: AxisChoice, values: readonly ArrayLike<number>[], from: number, to: number): Scale {
  const log = choice.kind === 'log'
  const [low, high] = boundsOf(values, log)
  const make = log ? logScale : choice.kind === 'whole' ? wholeScale : linearScale
  return make(choice.min ?? low, choice.max ?? high, from, to)
}

/** The scales of a picture. */
export function curveScales(area: Area, { series, xAxis, yAxis }: CurvePicture) {
  const x = scaleOf(
    xAxis,
    series.map(one => one.x),
    area.left,
    area.left + area.width,
  )
  const y = scaleOf(
    yAxis,
    series.map(one => one.y),
    area.top + area.height,
    area.top,
  )
  return { x, y }
}

export function drawCurves(surface: Surface, picture: CurvePicture): void {
  const { context, palette } = surface
  const area = curveArea(surface)
  const scales = curveScales(area, picture)
  drawYAxis(surface, area, { scale: scales.y, title: picture.yAxis.title, titleAbove: true, grid: true })
  drawXAxis(surface, area, { scale: scales.x, title: picture.xAxis.title })
  context.save()
  context.beginPath()
  context.rect(area.left - 4, area.top - 4, area.width + 8, area.height + 8)
  context.clip()
  for (const { x, y, style, colour } of picture.series) {
    context.strokeStyle = palette[colour]
    context.fillStyle = palette[colour]
    // What is muted lies behind the rest.
    context.lineWidth = colour === 'muted' ? 1 : 1.75
    context.lineJoin = 'round'
    const points = Array.from({ length: x.length }, (_, i) => [scales.x.pixel(x[i]!), scales.y.pixel(y[i]!)] as const)
    const shown = points.filter(([, top]) => Number.isFinite(top))
    if (style !== 'points') {
      context.beginPath()
      for (const [left, top] of shown) context.lineTo(left, top)
      context.stroke()
    }
    // A line through one point has no length.
    if (style !== 'line' || shown.length === 1) {
      for (const [left, top] of shown) {
        context.beginPath()
        context.arc(left, top, 3.5, 0, 2 * Math.PI)
        context.fill()
      }
    }
  }
  context.restore()
  if (picture.mark !== undefined) {
    const left = Math.round(scales.x.pixel(picture.mark)) + 0.5
    context.strokeStyle = palette.ink
    context.lineWidth = 1
    context.setLineDash([3, 3])
    context.beginPath()
    context.moveTo(left, area.top)
    context.lineTo(left, area.top + area.height)
    context.stroke()
    context.setLineDash([])
  }
}
