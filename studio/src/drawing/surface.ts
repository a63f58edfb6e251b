/** A canvas to draw on: its context, its size in CSS pixels, and the colours of the theme. */

export interface Palette {
  readonly ink: string
  readonly muted: string
  readonly line: string
  readonly accent: string
  readonly surface: string
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

/** The colours that a style sheet sets on an element. */
export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element)
  const colour = (name: string, otherwise: string) => style.getPropertyValue(name).trim() || otherwise
  return {
    ink: colour('--ink', '#1c2321'),
    muted: colour('--muted', '#5b6663'),
    line: colour('--line', '#d9dedb'),
    accent: colour('--accent', '#0f6f6a'),
    surface: colour('--surface', '#ffffff'),
    second: colour('--second', '#b4531f'),
  }
}

/** Prepares a canvas for drawing at the screen's resolution, cleared. `null` if it has no size yet. */
export function surfaceOf(canvas: HTMLCanvasElement, width: number, height: number): Surface | null {
  const context = canvas.getContext('2d')
  if (context === null || width < 1 || height < 1) return null
  const ratio = Math.min(3, globalThis.devicePixelRatio || 1)
  canvas.width = Math.round(width * ratio)
  canvas.height = Math.round(height * ratio)
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.font = FONT
  return { context, width, height, ratio, palette: paletteOf(canvas) }
}
