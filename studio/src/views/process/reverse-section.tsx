/** The reverse process, step by step: x_t, the clean sound and the noise that the network predicts. */
import { useMemo } from 'preact/hooks'
import { levelRange } from '../../audio/spectrogram.js'
import { cachedSpectrogram } from '../../audio/spectrogram-cache.js'
import { decibels } from '../../components/format.js'
import { PlayButton } from '../../components/play-button.js'
import { RadioGroup } from '../../components/radio-group.js'
import { SliderField } from '../../components/slider-field.js'
import { SoundFigure } from '../../components/sound-figure.js'
import { TaskNote } from '../../components/task-note.js'
import { Filmstrip } from './filmstrip.js'
import { snrOfNoiseLevel } from './noise-level.js'
import type { Part, ReverseModel, ShownStep } from './reverse-model.js'

function stepText({ t, noiseLevel }: ShownStep): string {
  if (noiseLevel < 1e-3) return 'no noise left'
  const step = t === null ? '' : `t = ${Number(t.toFixed(2))}, `
  return `${step}signal-to-noise ratio ${decibels(snrOfNoiseLevel(noiseLevel))}`
}

function Pictures({ model, step }: { model: ReverseModel; step: ShownStep }) {
  const reference = model.result.value ?? step.clean ?? step.x
  // One scale of colours for all of them, that of the finished sound.
  const range = useMemo(() => levelRange(cachedSpectrogram(reference, 512)), [reference])
  const { player } = model
  const heard = model.part.value
  const parts = [
    { part: 'x', title: 'xₜ, the noisy sound', sound: step.x },
    { part: 'clean', title: 'x̂₀, the predicted clean sound', sound: step.clean },
    { part: 'noise', title: 'ε̂, the predicted noise', sound: step.noise },
    ...(model.kept.value === null
      ? []
      : [{ part: 'kept', title: `Kept: ${model.kept.value.title}`, sound: model.kept.value.sound }]),
  ] as const
  return (
    <div class="parts">
      {parts.map(({ part, title, sound }) =>
        sound === null ? (
          <p key={part} class="empty">
            {title}: not yet predicted at the start.
          </p>
        ) : (
          <div key={part} class={part === heard ? 'part heard' : 'part'}>
            <SoundFigure
              title={title}
              sound={sound}
              player={player}
              range={range}
              height={180}
              withWaveform={false}
              withLevels={true}
            />
          </div>
        ),
      )}
    </div>
  )
}

function Controls({ model }: { model: ReverseModel }) {
  const choices = [
    { value: 'x', label: 'xₜ' },
    { value: 'clean', label: 'x̂₀, clean' },
    { value: 'noise', label: 'ε̂, noise' },
    ...(model.kept.value === null ? [] : [{ value: 'kept', label: 'kept' }]),
  ]
  const filming = model.filming.value
  return (
    <div class="transport">
      <PlayButton player={model.player} of="the chosen sound of this step" />
      <RadioGroup
        name="reverse-part"
        legend="Hear"
        value={model.part.value}
        choices={choices}
        onChange={value => model.hear(value as Part)}
      />
      <button type="button" class="button" onClick={() => (filming ? model.stopFilm() : model.film())}>
        {filming ? 'Stop the film' : 'Watch all steps'}
      </button>
      <button type="button" class="button" disabled={model.result.value === null} onClick={() => model.keep()}>
        Keep to compare
      </button>
      {model.kept.value !== null && (
        <button type="button" class="button quiet" onClick={() => model.forget()}>
          Forget
        </button>
      )}
    </div>
  )
}

export interface ReverseSectionProps {
  readonly model: ReverseModel
  /** Whether the mel shapes the noise of the chosen model. */
  readonly shapedNoise: boolean
}

export function ReverseSection({ model, shapedNoise }: ReverseSectionProps) {
  const [step, shown, selected] = [model.step.value, model.shown.value, model.selected.value]
  return (
    <section class="card" aria-labelledby="reverse-title">
      <h2 id="reverse-title">Reverse: noise becomes sound</h2>
      <p class="teach">
        Sampling starts from noise. At every step the network looks at x<sub>t</sub> and predicts the noise ε̂ in it.
        Without that noise, x<sub>t</sub> becomes an estimate x̂₀ of the clean sound, which gets better with every step.
        Each step removes a part of the noise.
      </p>
      {shapedNoise && (
        <p class="teach">
          The noise of this model is not white: it has the spectral envelope that the mel describes. So even the start
          sounds like a whisper. If the model starts voices from pulses, the start sounds like a hum at the mel’s pitch.
        </p>
      )}
      <TaskNote task={model.task} what="Denoising step by step" />
      {step === null ? (
        !model.task.running.value && model.task.problem.value === null && <p class="empty">Waiting for a recording.</p>
      ) : (
        <>
          <SliderField
            id="reverse-step"
            label="Step of sampling"
            value={selected}
            min={0}
            max={Math.max(1, shown.length - 1)}
            text={`${selected} of ${shown.length - 1}: ${stepText(step)}`}
            onInput={value => {
              model.stopFilm()
              model.select(value)
            }}
          />
          <Filmstrip model={model} />
          <Controls model={model} />
          <Pictures model={model} step={step} />
        </>
      )}
    </section>
  )
}
