/** Noise removed by a generator that has learnt such sounds. */
import { useMemo } from 'preact/hooks'
import { LabelField } from '../../components/label-field.js'
import { NumberField } from '../../components/number-field.js'
import { RecordingDrop } from '../../components/recording-drop.js'
import { SamplingFields } from '../../components/sampling-fields.js'
import { SoundComparison } from '../../components/sound-comparison.js'
import { TaskNote } from '../../components/task-note.js'
import type { DenoiseModel, DenoiseTrack } from './denoise-model.js'

const titles: Readonly<Record<DenoiseTrack, string>> = { clean: 'Clean', noisy: 'Noisy', denoised: 'Denoised' }

function Sounds({ model }: { model: DenoiseModel }) {
  const [tracks, heard] = [model.tracks.value, model.heard.value]
  const noisy = model.noisy.value
  const sounds = useMemo(() => new Map([...tracks].map(([name, sound]) => [titles[name], sound])), [tracks])
  if (noisy === null) {
    return <p class="empty large">Drop a noisy recording, or make an example.</p>
  }
  const onHear = (title: string) => model.hear([...tracks.keys()].find(name => titles[name] === title)!)
  return (
    <SoundComparison
      name={model.name.value}
      player={model.player}
      sounds={sounds}
      reference={noisy}
      heard={titles[heard]}
      onHear={onHear}
    >
      <button type="button" class="button primary" onClick={() => void model.denoise()}>
        Denoise
      </button>
    </SoundComparison>
  )
}

export function DenoiseSection({ model }: { model: DenoiseModel }) {
  const chosen = model.choice.model.value
  return (
    <section class="card" aria-labelledby="denoise-title">
      <h2 id="denoise-title">Remove noise</h2>
      <p class="teach">
        A noisy recording looks like x<sub>t</sub> at some t. The reverse process starts there instead of from pure
        noise. The model must have been trained on sounds of the same kind.
      </p>
      <div class="split">
        <div class="fields">
          <RecordingDrop
            what="a noisy recording"
            onFile={file => {
              void model.open(file)
            }}
          />
          <SamplingFields prefix="denoise" choice={model.choice} />
          {chosen !== null && <LabelField id="denoise-label" model={chosen} value={model.label} />}
          <NumberField
            id="denoise-snr"
            label="Signal-to-noise ratio, dB"
            value={model.snr}
            min={-20}
            max={60}
            step={0.5}
            placeholder="estimated"
            note="Of the recording. An example gets noise at this ratio."
          />
          <button type="button" class="button" disabled={chosen === null} onClick={() => void model.makeExample()}>
            Make an example
          </button>
        </div>
        <div class="stack">
          <TaskNote task={model.task} what="Sampling" />
          <Sounds model={model} />
        </div>
      </div>
    </section>
  )
}
