/** A sound to see and to hear: its picture, where a click or an arrow key seeks, and the place that is played. */
import { useCallback, useMemo, useState } from 'preact/hooks'
import type { Player } from '../audio/player.js'
import { type Sound, secondsOf } from '../audio/sound.js'
import { type LevelRange, levelRange } from '../audio/spectrogram.js'
import { cachedSpectrogram } from '../audio/spectrogram-cache.js'
import { drawSoundPicture, type SoundLayout, soundLayout, timeScale } from '../drawing/sound-picture.js'
import type { Surface } from '../drawing/surface.js'
import { Canvas } from './canvas.js'
import { decibels, hertz, seconds } from './format.js'

/** Seconds that a key seeks. */
const KEY_SECONDS: Readonly<Record<string, number>> = {
  ArrowLeft: -0.1,
  ArrowDown: -0.1,
  ArrowRight: 0.1,
  ArrowUp: 0.1,
  PageDown: -1,
  PageUp: 1,
  Home: Number.NEGATIVE_INFINITY,
  End: Number.POSITIVE_INFINITY,
}

export interface SoundFigureProps {
  readonly title: string
  readonly sound: Sound
  /** What plays it; without one the picture is only to be seen. */
  readonly player?: Player | undefined
  /** Range of colours; the sound's own if left out. */
  readonly range?: LevelRange | undefined
  /** Amplitude that the waveform's axis reaches at least. */
  readonly peak?: number | undefined
  readonly height?: number
  readonly withWaveform?: boolean
  readonly withLevels?: boolean
  /** Stretches to mark. */
  readonly marks?: readonly Stretch[] | undefined
  /** Called with a stretch that was dragged over; without it a drag seeks. */
  readonly onSelect?: ((stretch: Stretch) => void) | undefined
}

/** A part of a sound, in seconds. */
export interface Stretch {
  readonly start: number
  readonly end: number
}

/** Pixels that a pointer must move before it drags. */
const MIN_DRAG = 4

/** Marked stretches. */
function Marks({ marks, layout, total }: { marks: readonly Stretch[]; layout: SoundLayout; total: number }) {
  const scale = timeScale(layout, total)
  const top = layout.wave?.top ?? layout.spectrum.top
  const height = layout.spectrum.top + layout.spectrum.height - top
  return marks.map(({ start, end }) => {
    const left = scale.pixel(start)
    const style = { left: `${left}px`, width: `${scale.pixel(end) - left}px`, top: `${top}px`, height: `${height}px` }
    return <div key={`${start}-${end}`} class="mark" style={style} />
  })
}

/** Where a line marks the time that is played. */
function Playhead({ player, layout, total }: { player: Player; layout: SoundLayout; total: number }) {
  const at = player.position.value
  if (at <= 0 && !player.playing.value) return null
  const left = timeScale(layout, total).pixel(Math.min(at, total))
  const top = layout.wave?.top ?? layout.spectrum.top
  const height = layout.spectrum.top + layout.spectrum.height - top
  return <div class="playhead" style={{ left: `${left}px`, top: `${top}px`, height: `${height}px` }} />
}

interface SeekerProps {
  readonly player: Player
  readonly layout: SoundLayout
  readonly total: number
  readonly title: string
  readonly onSelect: ((stretch: Stretch) => void) | undefined
}

/** What a pointer does on the picture: it seeks, or selects a stretch. */
function usePointer({ player, layout, total, onSelect }: SeekerProps) {
  const scale = timeScale(layout, total)
  const [from, setFrom] = useState<number | null>(null)
  const [to, setTo] = useState(0)
  const timeAt = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect()
    return Math.min(total, Math.max(0, scale.value(event.clientX - box.left)))
  }
  const dragged = from !== null && Math.abs(scale.pixel(to) - scale.pixel(from)) >= MIN_DRAG
  const selection = dragged && onSelect !== undefined ? { start: Math.min(from, to), end: Math.max(from, to) } : null
  const handlers = {
    onPointerDown: (event: PointerEvent) => {
      // Other buttons open menus, and a second finger zooms.
      if (event.button !== 0 || !event.isPrimary) return
      ;(event.currentTarget as HTMLElement).setPointerCapture(event.pointerId)
      const time = timeAt(event)
      setFrom(time)
      setTo(time)
      // A finger may be about to scroll the page.
      if (onSelect === undefined && event.pointerType !== 'touch') player.seek(time)
    },
    onPointerMove: (event: PointerEvent) => {
      if (from === null || !event.isPrimary) return
      setTo(timeAt(event))
      if (onSelect === undefined && dragged) player.seek(timeAt(event))
    },
    onPointerUp: (event: PointerEvent) => {
      // It may have gone down elsewhere.
      if (from === null || !event.isPrimary) return
      if (selection !== null) onSelect?.(selection)
      else player.seek(timeAt(event))
      setFrom(null)
    },
    onPointerCancel: () => setFrom(null),
  }
  return { selection, handlers }
}

/** A slider over the picture. */
function Seeker(props: SeekerProps) {
  const { player, layout, total, title } = props
  const position = Math.min(player.position.value, total)
  const { selection, handlers } = usePointer(props)
  const onKeyDown = (event: KeyboardEvent) => {
    // With these, keys are the browser's: Alt and the left arrow lead to the page before.
    if (event.altKey || event.ctrlKey || event.metaKey) return
    const distance = KEY_SECONDS[event.key]
    if (distance !== undefined) player.seek(position + distance)
    else if (event.key !== ' ' && event.key !== 'Enter') return
    else if (!event.repeat) player.toggle()
    event.preventDefault()
  }
  return (
    <>
      {selection !== null && <Marks marks={[selection]} layout={layout} total={total} />}
      <div
        class="seeker"
        role="slider"
        tabIndex={0}
        aria-label={`Position in ${title}`}
        aria-valuemin={0}
        aria-valuemax={Number(total.toFixed(2))}
        aria-valuenow={Number(position.toFixed(2))}
        aria-valuetext={`${position.toFixed(2)} of ${total.toFixed(2)} seconds`}
        onKeyDown={onKeyDown}
        {...handlers}
      />
    </>
  )
}

/** Time, frequency and level under the pointer. */
function useReadout({ sound, columns, layout }: { sound: Sound; columns: number; layout: SoundLayout }) {
  const [text, setText] = useState('')
  const onPointerMove = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect()
    const { left, top, width, height } = layout.spectrum
    const [x, y] = [(event.clientX - box.left - left) / width, 1 - (event.clientY - box.top - top) / height]
    if (x < 0 || x >= 1) return setText('')
    const time = seconds(x * secondsOf(sound))
    if (y < 0 || y >= 1) return setText(time)
    const { levels, frames, bins } = cachedSpectrogram(sound, columns)
    const level = levels[Math.floor(x * frames) * bins + Math.floor(y * bins)]!
    setText(`${time} · ${hertz((y * sound.sampleRate) / 2)} · ${decibels(level)}`)
  }
  return { text, onPointerMove, onPointerLeave: () => setText('') }
}

export function SoundFigure({
  title,
  sound,
  player,
  range,
  peak,
  height = 220,
  withWaveform = true,
  withLevels = true,
  marks = [],
  onSelect,
}: SoundFigureProps) {
  const [width, setWidth] = useState(0)
  const columns = Math.max(1, width) * 2
  const layout = useMemo(
    () => soundLayout({ width, height }, { withWaveform, withLevels }),
    [width, height, withWaveform, withLevels],
  )
  const draw = useCallback(
    (surface: Surface) => {
      const spectrogram = cachedSpectrogram(sound, surface.width * 2)
      const { samples, sampleRate } = sound
      const shown = range ?? levelRange(spectrogram)
      drawSoundPicture(surface, { samples, sampleRate, spectrogram, range: shown, peak, withWaveform, withLevels })
    },
    [sound, range, peak, withWaveform, withLevels],
  )
  const readout = useReadout({ sound, columns, layout })
  const total = secondsOf(sound)
  const what = `${title}: ${withWaveform ? 'waveform and spectrogram' : 'spectrogram'} of ${total.toFixed(2)} seconds`
  return (
    <figure class="sound">
      <figcaption>
        <span class="sound-title">{title}</span>
        <span class="readout" aria-hidden="true">
          {readout.text}
        </span>
      </figcaption>
      <div class="picture" onPointerMove={readout.onPointerMove} onPointerLeave={readout.onPointerLeave}>
        <Canvas height={height} label={what} draw={draw} onWidth={setWidth} />
        {player !== undefined && width > 0 && (
          <>
            <Marks marks={marks} layout={layout} total={total} />
            <Playhead player={player} layout={layout} total={total} />
            <Seeker player={player} layout={layout} total={total} title={title} onSelect={onSelect} />
          </>
        )}
      </div>
    </figure>
  )
}
