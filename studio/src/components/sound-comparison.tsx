/** Sounds of one source side by side: which one is heard can be switched while they play. */
import type { ComponentChildren } from 'preact'
import { useId, useMemo } from 'preact/hooks'
import { loudnessOf } from '../audio/loudness.js'
import type { Player } from '../audio/player.js'
import type { Sound } from '../audio/sound.js'
import { levelRange } from '../audio/spectrogram.js'
import { cachedSpectrogram } from '../audio/spectrogram-cache.js'
import { PlayButton } from './play-button.js'
import { RadioGroup } from './radio-group.js'
import { SoundFigure } from './sound-figure.js'

export interface SoundComparisonProps {
  /** What is played. */
  readonly name: string
  readonly player: Player
  /** By the titles that people see, in order. */
  readonly sounds: ReadonlyMap<string, Sound>
  /** Whose levels the colours are for; default: the first one. */
  readonly reference?: Sound | undefined
  readonly heard: string
  readonly onHear: (title: string) => void
  /** Further controls. */
  readonly children?: ComponentChildren
}

export function SoundComparison({
  name,
  player,
  sounds,
  reference = [...sounds.values()][0],
  heard,
  onHear,
  children,
}: SoundComparisonProps) {
  const range = useMemo(
    () => (reference === undefined ? undefined : levelRange(cachedSpectrogram(reference, 512))),
    [reference],
  )
  const peak = useMemo(
    () => Math.max(0, ...[...sounds.values()].map(({ samples }) => loudnessOf(samples).peak)),
    [sounds],
  )
  const titles = [...sounds.keys()]
  // Not the name alone: two files of one name would be one group, of which only one button is pressed.
  const group = `${useId()}-${name}`
  return (
    <>
      <div class="transport">
        <PlayButton player={player} of={name} />
        {titles.length > 1 && (
          <RadioGroup
            name={group}
            legend="Hear"
            value={heard}
            choices={titles.map(title => ({ value: title, label: title }))}
            onChange={onHear}
          />
        )}
        {children}
      </div>
      <div class="systems">
        {titles.map(title => (
          <div key={title} class={title === heard && titles.length > 1 ? 'part heard' : 'part'}>
            <SoundFigure {...{ title, player, range, peak }} sound={sounds.get(title)!} height={210} />
          </div>
        ))}
      </div>
    </>
  )
}
