/** The forward process: a slider over t, what x_t looks and sounds like, and the noise schedule. */
import { useMemo } from 'preact/hooks'
import { CurveFigure } from '../../components/curve-figure.js'
import { FactList } from '../../components/fact-list.js'
import { decibels, figure } from '../../components/format.js'
import { PlayButton } from '../../components/play-button.js'
import { SliderField } from '../../components/slider-field.js'
import { SoundFigure } from '../../components/sound-figure.js'
import { TaskNote } from '../../components/task-note.js'
import type { CurvePicture } from '../../drawing/curve-picture.js'
import type { ForwardModel } from './forward-model.js'

/** The gains of signal and noise over t. */
function schedulePicture(alphaBars: readonly number[], mark: number): CurvePicture {
  const x = alphaBars.map((_, t) => t)
  return {
    series: [
      { name: 'signal, √ᾱ', x, y: alphaBars.map(Math.sqrt), style: 'line', colour: 'accent' },
      { name: 'noise, √(1 − ᾱ)', x, y: alphaBars.map(level => Math.sqrt(1 - level)), style: 'line', colour: 'second' },
    ],
    xAxis: { title: 't, step', kind: 'whole' },
    yAxis: { title: 'gain', kind: 'linear', min: 0, max: 1 },
    mark,
  }
}

function Facts({ model }: { model: ForwardModel }) {
  const facts = [
    ['signal', `${figure(Math.sqrt(model.alphaBar.value))} × x₀`],
    ['noise', `${figure(Math.sqrt(1 - model.alphaBar.value))} × ε`],
    ['signal-to-noise ratio', decibels(model.snr.value ?? Number.NaN)],
  ] as const
  return <FactList facts={facts} />
}

export function ForwardSection({ model }: { model: ForwardModel }) {
  const [sound, alphaBars, t] = [model.sound.value, model.alphaBars.value, model.t.value]
  const last = Math.max(0, alphaBars.length - 1)
  const picture = useMemo(() => schedulePicture(alphaBars, t), [alphaBars, t])
  return (
    <section class="card" aria-labelledby="forward-title">
      <h2 id="forward-title">Forward: sound becomes noise</h2>
      <p class="teach">
        For training, noise ε is added to a recording x₀, a little more with every step t. Nothing is learnt here: it is
        one formula,{' '}
        <span class="formula">
          x<sub>t</sub> = √ᾱ · x₀ + √(1 − ᾱ) · ε
        </span>
        . Drag the slider while it plays.
      </p>
      <TaskNote task={model.task} what="Reading the recording" restarts />
      {sound !== null && (
        <>
          <div class="transport">
            <PlayButton player={model.player} of="the noisy recording" />
            <SliderField
              id="forward-t"
              label="Diffusion step t"
              value={t}
              min={0}
              max={last}
              text={`${t} of ${last}`}
              onInput={value => model.setT(value)}
            />
          </div>
          <Facts model={model} />
          <div class="pair">
            <SoundFigure title={`xₜ at t = ${t}`} sound={sound} player={model.player} height={260} />
            <CurveFigure
              title="Noise schedule of training"
              description={`At step ${t} the signal has gain ${figure(Math.sqrt(model.alphaBar.value))}.`}
              picture={picture}
              height={260}
            />
          </div>
        </>
      )}
    </section>
  )
}
