/** Curves with their axes, and a legend if there are several. */
import { useCallback } from 'preact/hooks'
import { type CurvePicture, drawCurves } from '../drawing/curve-picture.js'
import type { Surface } from '../drawing/surface.js'
import { Canvas } from './canvas.js'

export interface CurveFigureProps {
  readonly title: string
  /** What the curves say, for those who cannot see them. */
  readonly description: string
  readonly picture: CurvePicture
  readonly height?: number
}

export function CurveFigure({ title, description, picture, height = 200 }: CurveFigureProps) {
  const draw = useCallback((surface: Surface) => drawCurves(surface, picture), [picture])
  return (
    <figure class="curve">
      <figcaption>
        <span class="sound-title">{title}</span>
        {picture.series.length > 1 && (
          <span class="legend">
            {picture.series.map(({ name, colour, style }) => (
              <span key={name} class={`legend-item ${colour} ${style === 'line' ? '' : 'dots'}`}>
                {name}
              </span>
            ))}
          </span>
        )}
      </figcaption>
      <div class="picture">
        <Canvas height={height} label={`${title}. ${description}`} draw={draw} />
      </div>
    </figure>
  )
}
