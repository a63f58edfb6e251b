/** One file: its sounds side by side, switched while they play, and the figures of each. */
import { useMemo } from 'preact/hooks'
import { saveFile } from '#src/core/save-file.browser'
import type { Sound } from '../../audio/sound.js'
import { wavFile } from '../../audio/wav-file.js'
import { FigureTable } from '../../components/figure-table.js'
import { SoundComparison } from '../../components/sound-comparison.js'
import { TaskNote } from '../../components/task-note.js'
import { type SystemName, systemNames, systemTitles, type VocodedFile } from './vocoded-file.js'

function Figures({ file }: { file: VocodedFile }) {
  const comparison = file.comparison.value
  if (comparison === null) return null
  const { measures, figures } = comparison
  const rows = Object.entries(measures).map(([key, { title, unit }]) => ({
    name: unit === '' ? title : `${title}, ${unit}`,
    values: [...figures.values()].map(values => values[key]),
  }))
  const caption = 'Each copy is compared with the original. Voicing F1 is best at 1, all other measures at 0.'
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

export interface VocodedCardProps {
  readonly file: VocodedFile
  readonly onRemove: () => void
}

export function VocodedCard({ file, onRemove }: VocodedCardProps) {
  const [sounds, heard] = [file.sounds.value, file.heard.value]
  const shown = systemNames.filter(name => sounds.has(name))
  const titled = useMemo(() => {
    const entries = systemNames.flatMap(name => (sounds.has(name) ? [[systemTitles[name], sounds.get(name)!]] : []))
    return new Map(entries as [string, Sound][])
  }, [sounds])
  const { name } = file.source
  return (
    <section class="card vocoded" aria-label={name}>
      <div class="card-head">
        <h2>{name}</h2>
        <button type="button" class="button quiet" aria-label={`Remove ${name}`} onClick={onRemove}>
          Remove
        </button>
      </div>
      <TaskNote task={file.task} what="Vocoding" restarts />
      {shown.length > 0 && (
        <>
          <SoundComparison
            name={name}
            player={file.player}
            sounds={titled}
            heard={systemTitles[heard]}
            onHear={title => file.hear(shown.find(system => systemTitles[system] === title)!)}
          >
            <button
              type="button"
              class="button quiet"
              onClick={() => saveFile(wavName(file, heard), wavFile(sounds.get(heard)!), 'audio/wav')}
            >
              Save what is heard
            </button>
          </SoundComparison>
          <Figures file={file} />
        </>
      )}
    </section>
  )
}
