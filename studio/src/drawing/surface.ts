/** A canvas to draw on: its context, its size in CSS pixels, and the colours of the theme. */

export interface Palette {
  readonly ink: string
  readonly muted: string
  readonly line: string
  readonly accent: string
  /** A second curve. */
  readonly second: string
}

export interface Surface {
  readonly context: CanvasRenderingContext2D
  readonly width: number
  readonly height: number
  /** Device pixels per CSS pixel. */
  readonly ratio: number
  readonly palette: Palette
}

export interface Area {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

export const FONT_SIZE = 11
export const FONT = `${FONT_SIZE}px ui-sans-serif, system-ui, sans-serif`

/** The colours that the style sheet sets on an element. */
function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element)
  const colour = (name: keyof Palette) => style.getPropertyValue(`--${name}`).trim()
  return {
    ink: colour('ink'),
    muted: colour('muted'),
    line: colour('line'),
    accent: colour('accent'),
    second: colour('second'),
  }
}

/** More pixels than this cannot be told apart. */
const MAX_RATIO = 3

/** Prepares a canvas for drawing at the screen's resolution, cleared. `null` if it has no size yet. */
export function surfaceOf(
  canvas: HTMLCanvasElement,
  { width, height, ratio: ofScreen }: Pick<Surface, 'width' | 'height' | 'ratio'>,
): Surface | null {
  const context = canvas.getContext('2d')
  if (context === null || width < 1 || height < 1) return null
  const ratio = Math.min(MAX_RATIO, ofScreen)
  canvas.width = Math.round(width * ratio)
  canvas.height = Math.round(height * ratio)
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.font = FONT
  return { context, width, height, ratio, palette: paletteOf(canvas) }
}
