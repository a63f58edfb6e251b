/** A canvas as wide as its parent, drawn again when its width, its picture or the theme changes. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { type Surface, surfaceOf } from '../drawing/surface.js'
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
  const themeName = theme.name.value
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
    const surface = surfaceOf(canvas.current!, width, height)
    if (surface !== null) draw(surface)
  }, [width, height, draw, themeName])
  const style = { height: `${height}px` }
  return label === '' ? (
    <canvas ref={canvas} class="canvas" style={style} />
  ) : (
    <canvas ref={canvas} class="canvas" style={style} role="img" aria-label={label} />
  )
}
