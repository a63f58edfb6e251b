/** Axes with marks, labels and units. */
import type { Scale } from './scale.js'
import { type Area, FONT_SIZE, type Surface } from './surface.js'

/** Pixels between two labels, at least. */
const X_SPACING = 46
const Y_SPACING = 26

/** Room for a title above an axis, in pixels. */
export const TITLE_HEIGHT = FONT_SIZE + 6

export interface AxisOptions {
  readonly scale: Scale
  /** Quantity or unit, as `s` or `level, dB`. */
  readonly title: string
  /** Whether faint lines cross the area. */
  readonly grid?: boolean
}

/** The axis below an area; its title stands at the right end. */
export function drawXAxis({ context, palette }: Surface, area: Area, { scale, title, grid = false }: AxisOptions) {
  const bottom = area.top + area.height
  const right = area.left + area.width
  context.strokeStyle = palette.line
  context.fillStyle = palette.muted
  context.lineWidth = 1
  context.textBaseline = 'top'
  context.textAlign = 'right'
  context.fillText(title, right, bottom + 6)
  const reserved = right - context.measureText(title).width - 6
  context.textAlign = 'center'
  const fits = (count: number) =>
    scale.ticks(count).flatMap(({ value, label }) => {
      const x = Math.round(scale.pixel(value)) + 0.5
      if (x < area.left - 1 || x > right + 1) return []
      return x + context.measureText(label).width / 2 < reserved ? [{ x, label }] : []
    })
  const count = Math.max(1, Math.floor(area.width / X_SPACING))
  const coarse = fits(count)
  context.beginPath()
  // One label says nothing about the scale.
  for (const { x, label } of coarse.length > 1 ? coarse : fits(2 * count)) {
    context.moveTo(x, grid ? area.top : bottom)
    context.lineTo(x, bottom + 4)
    context.fillText(label, x, bottom + 6)
  }
  context.stroke()
}

export interface YAxisOptions extends AxisOptions {
  /**
   * Whether the title stands above the axis, in `TITLE_HEIGHT` pixels left free there. Default: at its top, in place of
   * labels that would touch it.
   */
  readonly titleAbove?: boolean
}

/** The axis left of an area. */
export function drawYAxis(
  { context, palette }: Surface,
  area: Area,
  { scale, title, titleAbove = false, grid = false }: YAxisOptions,
) {
  const right = area.left + area.width
  context.strokeStyle = palette.line
  context.fillStyle = palette.muted
  context.lineWidth = 1
  context.textBaseline = 'middle'
  context.textAlign = 'right'
  const top = area.top + FONT_SIZE / 2 - (titleAbove ? TITLE_HEIGHT : 0)
  context.fillText(title, area.left - 7, top)
  context.beginPath()
  for (const { value, label } of scale.ticks(Math.max(1, Math.floor(area.height / Y_SPACING)))) {
    const y = Math.round(scale.pixel(value)) + 0.5
    if (y < area.top - 1 || y > area.top + area.height + 1) continue
    context.moveTo(area.left - 4, y)
    context.lineTo(grid ? right : area.left, y)
    if (title === '' || y - FONT_SIZE > top) context.fillText(label, area.left - 7, y)
  }
  context.stroke()
}
