/** Gaps: drag over the picture to remove a stretch, and hear it filled. */
import { seconds } from '../../components/format.js'
import { NumberField } from '../../components/number-field.js'
import { PlayButton } from '../../components/play-button.js'
import { RadioGroup } from '../../components/radio-group.js'
import { RecordingDrop } from '../../components/recording-drop.js'
import { SampleNote } from '../../components/sample-note.js'
import { SamplingFields } from '../../components/sampling-fields.js'
import { SoundFigure } from '../../components/sound-figure.js'
import { TaskNote } from '../../components/task-note.js'
import type { InpaintModel, RepairTrack } from './inpaint-model.js'

function GapList({ model }: { model: InpaintModel }) {
  const gaps = model.gaps.value
  if (gaps.length === 0) return <p class="empty">No gaps yet: drag over the picture.</p>
  return (
    <ul class="gaps" aria-label="Gaps">
      {gaps.map(gap => {
        const text = `${seconds(gap.start)} to ${seconds(gap.end)}`
        return (
          <li key={gap.start}>
            {text}
            <button
              type="button"
              class="button quiet"
              aria-label={`Remove the gap from ${text}`}
              onClick={() => model.removeGap(gap)}
            >
              ×
            </button>
          </li>
        )
      })}
    </ul>
  )
}

function Editor({ model }: { model: InpaintModel }) {
  const [recording, filled, heard] = [model.withGaps.value, model.filled.value, model.heard.value]
  if (recording === null) return <p class="empty large">Drop a recording, or take the sample sentence.</p>
  const choices = [
    { value: 'original', label: 'Original' },
    { value: 'gaps', label: 'With gaps' },
    ...(filled === null ? [] : [{ value: 'filled', label: 'Filled' }]),
  ]
  return (
    <>
      <SoundFigure
        title={`${model.name.value}, gaps removed`}
        sound={recording}
        player={model.player}
        marks={model.gaps.value}
        onSelect={gap => model.addGap(gap)}
        height={260}
      />
      {model.note.value !== null && <p class="note">{model.note.value}</p>}
      <GapList model={model} />
      <div class="transport">
        <PlayButton player={model.player} of={model.name.value} />
        <RadioGroup
          name="repair-heard"
          legend="Hear"
          value={heard}
          choices={choices}
          onChange={value => model.hear(value as RepairTrack)}
        />
        <button type="button" class="button" onClick={() => model.addGapHere()}>
          Add a gap at the playhead
        </button>
        <button
          type="button"
          class="button primary"
          disabled={model.gaps.value.length === 0}
          onClick={() => void model.fill()}
        >
          Fill the gaps
        </button>
      </div>
      {filled !== null && (
        <SoundFigure title="Filled" sound={filled} player={model.player} marks={model.gaps.value} height={260} />
      )}
    </>
  )
}

export function InpaintSection({ model, onSample }: { model: InpaintModel; onSample: () => void }) {
  return (
    <section class="card" aria-labelledby="inpaint-title">
      <h2 id="inpaint-title">Fill gaps</h2>
      <p class="teach">
        Only the gaps are generated. In every step, the rest is replaced by the recording, with as much noise as that
        step has, so that the new sound fits at both edges. A vocoder interpolates the mel over the gap.
      </p>
      <div class="split">
        <div class="fields">
          <RecordingDrop
            what="a recording"
            onFile={file => {
              void model.open(file)
            }}
          >
            <SampleNote before="Or take" onSample={onSample} />
          </RecordingDrop>
          <SamplingFields prefix="inpaint" choice={model.choice} />
          <NumberField
            id="inpaint-length"
            label="Length of a new gap, s"
            value={model.gapLength}
            min={0.01}
            max={2}
            step={0.01}
          />
        </div>
        <div class="stack">
          <TaskNote task={model.task} what="Filling the gaps" />
          <Editor model={model} />
        </div>
      </div>
    </section>
  )
}
