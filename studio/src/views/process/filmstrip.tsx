/** Small pictures of all steps, to choose one of. */
import { useCallback, useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import type { Sound } from '../../audio/sound.js'
import { type LevelRange, levelRange } from '../../audio/spectrogram.js'
import { cachedSpectrogram } from '../../audio/spectrogram-cache.js'
import { Canvas } from '../../components/canvas.js'
import { drawSpectrogram } from '../../drawing/spectrogram-image.js'
import type { Surface } from '../../drawing/surface.js'
import type { ReverseModel } from './reverse-model.js'

const HEIGHT = 44

function Thumbnail({ sound, range: { min, max } }: { sound: Sound; range: LevelRange }) {
  const draw = useCallback(
    (surface: Surface) => {
      const area = { left: 0, top: 0, width: surface.width, height: surface.height }
      drawSpectrogram(surface, area, cachedSpectrogram(sound, 64), { min, max })
    },
    // By values: while steps are made, each one brings a range, mostly an equal one, and all steps would be drawn anew.
    [sound, min, max],
  )
  return <Canvas height={HEIGHT} label="" draw={draw} />
}

export function Filmstrip({ model }: { model: ReverseModel }) {
  const [shown, selected] = [model.shown.value, model.selected.value]
  const reference = model.result.value ?? shown.at(-1)!.x
  const range = useMemo(() => levelRange(cachedSpectrogram(reference, 512)), [reference])
  const strip = useRef<HTMLFieldSetElement>(null)
  useLayoutEffect(() => {
    const [box, frame] = [strip.current!, strip.current!.children[selected] as HTMLElement]
    // Within the strip alone: `scrollIntoView` would scroll the page, too.
    const left = frame.offsetLeft - box.offsetLeft
    box.scrollLeft = Math.min(left, Math.max(box.scrollLeft, left + frame.offsetWidth - box.clientWidth))
  }, [selected])
  return (
    <fieldset ref={strip} class="filmstrip" aria-label="All steps">
      {shown.map(({ title, x }, index) => (
        <button
          key={title}
          type="button"
          class={index === selected ? 'frame selected' : 'frame'}
          aria-pressed={index === selected}
          onClick={() => {
            model.stopFilm()
            model.select(index)
          }}
        >
          <span class="thumb">
            <Thumbnail sound={x} range={range} />
          </span>
          <span class="frame-title">{title}</span>
        </button>
      ))}
    </fieldset>
  )
}
