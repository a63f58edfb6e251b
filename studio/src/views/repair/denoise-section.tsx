/** Noise removed by a generator that has learnt such sounds. */
import { useMemo } from 'preact/hooks'
import { levelRange } from '../../audio/spectrogram.js'
import { cachedSpectrogram } from '../../audio/spectrogram-cache.js'
import { LabelField } from '../../components/label-field.js'
import { NumberField } from '../../components/number-field.js'
import { PlayButton } from '../../components/play-button.js'
import { RadioGroup } from '../../components/radio-group.js'
import { RecordingDrop } from '../../components/recording-drop.js'
import { SamplingFields } from '../../components/sampling-fields.js'
import { SoundFigure } from '../../components/sound-figure.js'
import { TaskNote } from '../../components/task-note.js'
import type { DenoiseModel, DenoiseTrack } from './denoise-model.js'

const titles: Readonly<Record<DenoiseTrack, string>> = { clean: 'Clean', noisy: 'Noisy', denoised: 'Denoised' }

function Sounds({ model }: { model: DenoiseModel }) {
  const [tracks, heard] = [model.tracks.value, model.heard.value]
  const noisy = model.noisy.value
  const range = useMemo(() => (noisy === null ? undefined : levelRange(cachedSpectrogram(noisy, 512))), [noisy])
  if (noisy === null) {
    return <p class="empty large">Drop a noisy recording of what the model knows, or make an example.</p>
  }
  const names = [...tracks.keys()]
  return (
    <>
      <div class="transport">
        <PlayButton player={model.player} of={model.name.value} />
        <RadioGroup
          name="denoise-heard"
          legend="Hear"
          value={heard}
          choices={names.map(name => ({ value: name, label: titles[name] }))}
          onChange={value => model.hear(value as DenoiseTrack)}
        />
        <button type="button" class="button primary" onClick={() => void model.denoise()}>
          Denoise
        </button>
      </div>
      <div class="parts">
        {names.map(name => (
          <div key={name} class={name === heard ? 'part heard' : 'part'}>
            <SoundFigure
              title={titles[name]}
              sound={tracks.get(name)!}
              player={model.player}
              range={range}
              height={200}
            />
          </div>
        ))}
      </div>
    </>
  )
}

export function DenoiseSection({ model }: { model: DenoiseModel }) {
  const chosen = model.choice.model.value
  return (
    <section class="card" aria-labelledby="denoise-title">
      <h2 id="denoise-title">Remove noise</h2>
      <p class="teach">
        A noisy recording looks like x<sub>t</sub> at some t. The reverse process starts there, and not from noise
        alone. The model must have been trained on sounds of the same kind.
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
            step={1}
            placeholder="estimated"
            note="Of the recording, and of noise that is added to an example."
          />
          <button type="button" class="button" onClick={() => void model.makeExample()}>
            Make an example
          </button>
        </div>
        <div class="stack">
          <TaskNote task={model.task} what="Denoising" />
          <Sounds model={model} />
        </div>
      </div>
    </section>
  )
}
