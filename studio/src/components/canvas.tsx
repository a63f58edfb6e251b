/** A canvas as wide as its parent, drawn again when its width, its picture, the theme or the screen changes. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { type Surface, surfaceOf } from '../drawing/surface.js'
import { pixelRatio } from './pixel-ratio.js'
import { theme } from './theme.js'

export interface CanvasProps {
  /** CSS pixels. */
  readonly height: number
  /** Says what the picture shows; '' if something else does. */
  readonly label: string
  readonly draw: (surface: Surface) => void
  readonly onWidth?: (width: number) => void
}

export function Canvas({ height, label, draw, onWidth }: CanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [width, setWidth] = useState(0)
  const [themeName, ratio] = [theme.name.value, pixelRatio.value]
  useLayoutEffect(() => {
    const element = canvas.current!
    const measure = () => {
      const found = element.parentElement!.clientWidth
      setWidth(found)
      onWidth?.(found)
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element.parentElement!)
    return () => observer.disconnect()
  }, [onWidth])
  // The theme sets the colours that the style sheet has.
  useEffect(() => {
    const surface = surfaceOf(canvas.current!, { width, height, ratio })
    if (surface !== null) draw(surface)
  }, [width, height, ratio, draw, themeName])
  const style = { height: `${height}px` }
  return label === '' ? (
    <canvas ref={canvas} class="canvas" style={style} />
  ) : (
    <canvas ref={canvas} class="canvas" style={style} role="img" aria-label={label} />
  )
}
