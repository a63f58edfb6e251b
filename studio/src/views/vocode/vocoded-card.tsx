/** One file: its sounds side by side, switched while they play, and the figures of each. */
import { useMemo } from 'preact/hooks'
import { levelRange } from '../../audio/spectrogram.js'
import { cachedSpectrogram } from '../../audio/spectrogram-cache.js'
import { wavFile } from '../../audio/wav-file.js'
import { FigureTable } from '../../components/figure-table.js'
import { PlayButton } from '../../components/play-button.js'
import { RadioGroup } from '../../components/radio-group.js'
import { SoundFigure } from '../../components/sound-figure.js'
import { TaskNote } from '../../components/task-note.js'
import { saveFile } from '../../core/save.js'
import { type SystemName, systemNames, systemTitles, type VocodedFile } from './vocoded-file.js'

function Figures({ file }: { file: VocodedFile }) {
  const comparison = file.comparison.value
  if (comparison === null) return null
  const { measures, figures } = comparison
  const rows = Object.entries(measures).map(([key, { title, unit }]) => ({
    name: unit === '' ? title : `${title}, ${unit}`,
    values: [...figures.values()].map(values => values[key]),
  }))
  const caption = 'Each copy against the original. Voicing F1 is best at 1, all others at 0.'
  return (
    <FigureTable
      caption={caption}
      head={['measure', ...[...figures.keys()].map(system => systemTitles[system])]}
      rows={rows}
    />
  )
}

/** File name of what is heard. */
function wavName({ source }: VocodedFile, system: SystemName): string {
  return `${source.name.replace(/\.\w+$/, '').replaceAll(/[^\w.-]+/g, '_')}-${system}.wav`
}

export function VocodedCard({ file, onRemove }: { file: VocodedFile; onRemove: () => void }) {
  const [sounds, heard] = [file.sounds.value, file.heard.value]
  const shown = systemNames.filter(name => sounds.has(name))
  const reference = sounds.get('original') ?? sounds.get('model')
  const range = useMemo(
    () => (reference === undefined ? undefined : levelRange(cachedSpectrogram(reference, 512))),
    [reference],
  )
  const { name } = file.source
  return (
    <section class="card vocoded" aria-label={name}>
      <div class="card-head">
        <h2>{name}</h2>
        <button type="button" class="button quiet" aria-label={`Remove ${name}`} onClick={onRemove}>
          Remove
        </button>
      </div>
      <TaskNote task={file.task} what="Vocoding" />
      {shown.length > 0 && (
        <>
          <div class="transport">
            <PlayButton player={file.player} of={name} />
            <RadioGroup
              name={`heard-${name}`}
              legend="Hear"
              value={heard}
              choices={shown.map(system => ({ value: system, label: systemTitles[system] }))}
              onChange={value => file.hear(value as SystemName)}
            />
            <button
              type="button"
              class="button quiet"
              onClick={() => saveFile(wavName(file, heard), wavFile(sounds.get(heard)!), 'audio/wav')}
            >
              Save what is heard
            </button>
          </div>
          <div class="systems">
            {shown.map(system => (
              <div key={system} class={system === heard ? 'part heard' : 'part'}>
                <SoundFigure
                  title={systemTitles[system]}
                  sound={sounds.get(system)!}
                  player={file.player}
                  range={range}
                  height={210}
                />
              </div>
            ))}
          </div>
          <Figures file={file} />
        </>
      )}
    </section>
  )
}
