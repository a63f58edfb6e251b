/** A training, as it goes: loss, learning rate, and clips of validation. */
import { useEffect, useMemo } from 'preact/hooks'
import type { TrainingRun } from '../../backend/studio-backend.js'
import { CurveFigure } from '../../components/curve-figure.js'
import { DropZone } from '../../components/drop-zone.js'
import { FactList } from '../../components/fact-list.js'
import { Field } from '../../components/field.js'
import { figure } from '../../components/format.js'
import { PlayButton } from '../../components/play-button.js'
import { ProblemNote } from '../../components/problem-note.js'
import { SoundFigure } from '../../components/sound-figure.js'
import type { CurvePicture } from '../../drawing/curve-picture.js'
import { type Curve, smoothed, type TrainingModel } from './training-model.js'

function lossPicture(loss: Curve, validation: Curve): CurvePicture {
  const average = smoothed(loss)
  return {
    series: [
      { name: 'training', x: loss.steps, y: loss.values, style: 'line', colour: 'muted' },
      { name: 'its average', x: average.steps, y: average.values, style: 'line', colour: 'accent' },
      { name: 'validation', x: validation.steps, y: validation.values, style: 'line and points', colour: 'second' },
    ],
    xAxis: { title: 'step', kind: 'whole' },
    yAxis: { title: 'loss', kind: 'log' },
  }
}

function ratePicture({ steps, values }: Curve): CurvePicture {
  return {
    series: [{ name: 'learning rate', x: steps, y: values, style: 'line', colour: 'accent' }],
    xAxis: { title: 'step', kind: 'whole' },
    yAxis: { title: 'rate', kind: 'linear', min: 0 },
  }
}

function Curves({ model }: { model: TrainingModel }) {
  const [loss, validation, rate] = [model.loss.value, model.validationLoss.value, model.learningRate.value]
  const losses = useMemo(() => lossPicture(loss, validation), [loss, validation])
  const rates = useMemo(() => ratePicture(rate), [rate])
  const last = model.last.value
  if (last === null) return <p class="empty">The run has not logged a step yet.</p>
  const facts = [
    ['step', String(last.step)],
    ['loss', figure(loss.values.at(-1))],
    ['validation loss', figure(validation.values.at(-1))],
    ['learning rate', figure(rate.values.at(-1))],
  ] as const
  return (
    <>
      <FactList facts={facts} />
      <CurveFigure
        title="Loss"
        description={`${figure(loss.values.at(-1))} at step ${last.step}.`}
        picture={losses}
        height={260}
      />
      <CurveFigure
        title="Learning rate"
        description={`${figure(rate.values.at(-1))} at step ${last.step}.`}
        picture={rates}
        height={160}
      />
    </>
  )
}

function Clips({ model }: { model: TrainingModel }) {
  const [clips, shown] = [model.clips.value, model.shown.value]
  return (
    <section class="card" aria-labelledby="clips-title">
      <h2 id="clips-title">Validation clips</h2>
      {clips.length === 0 ? (
        <p class="empty">No clips yet: a run writes some into its event files at every validation.</p>
      ) : (
        <>
          <div class="transport">
            <Field id="training-clip" label="Clip">
              <select
                id="training-clip"
                value={model.clipId.value}
                onChange={event => void model.choose(event.currentTarget.value)}
              >
                {clips.map(({ id, step, tag }) => (
                  <option key={id} value={id}>
                    step {step}, {tag}
                  </option>
                ))}
              </select>
            </Field>
            <PlayButton player={model.player} of="the clip" />
          </div>
          <ProblemNote problem={model.fetching.problem.value} onRetry={() => model.fetching.retry()} />
          {shown !== null && (
            <SoundFigure
              title={`Step ${shown.clip.step}, ${shown.clip.tag}`}
              sound={shown.sound}
              player={model.player}
              height={240}
            />
          )}
        </>
      )}
    </section>
  )
}

/** How to get to see a training. */
function NoRuns({ model }: { model: TrainingModel }) {
  return model.hasService ? (
    <p>
      No training runs. Start the studio with <code>diffwave studio --runs FOLDER</code>. FOLDER is what{' '}
      <code>diffwave train --out</code> writes to, or a folder above it. Or look at the files of a run:
    </p>
  ) : (
    <p>
      This page has no server, so it cannot follow a training run. It can show the files of a run:{' '}
      <code>metrics.jsonl</code> for the curves, <code>events.out.tfevents.*</code> for the clips. To follow a run,
      start <code>diffwave studio --runs FOLDER</code> on your own machine.
    </p>
  )
}

function Run({ model, runs }: { model: TrainingModel; runs: readonly TrainingRun[] }) {
  return (
    <>
      <section class="card" aria-label="Progress of the training">
        <Field id="training-run" label="Run">
          <select
            id="training-run"
            value={model.run.value}
            onChange={event => void model.watch(event.currentTarget.value)}
          >
            {runs.map(({ name, updated }) => (
              <option key={name} value={name}>
                {updated === '' ? name : `${name}, ${new Date(updated).toLocaleString()}`}
              </option>
            ))}
          </select>
        </Field>
        <Curves model={model} />
      </section>
      <Clips model={model} />
    </>
  )
}

export function TrainingView({ model }: { model: TrainingModel }) {
  useEffect(() => {
    void model.list()
    return () => model.leave()
  }, [model])
  const runs = model.runs.value ?? []
  const failed = model.listing.problem.value === null ? model.watching : model.listing
  const isKnown = model.runs.value !== null || !model.hasService
  const takesFiles = model.isDropped.value || (isKnown && runs.length === 0)
  return (
    <div class="stack">
      <ProblemNote problem={failed.problem.value} onRetry={() => failed.retry()} />
      {takesFiles && (
        // The same place before and after files were dropped, so that it keeps what it says about them.
        <div class={runs.length === 0 ? 'empty large with-drop' : ''}>
          {runs.length === 0 && <NoRuns model={model} />}
          <DropZone
            key="files"
            what={`the files of ${runs.length === 0 ? 'a' : 'another'} run`}
            accept=""
            multiple={true}
            onFiles={files => void model.open(files)}
          />
        </div>
      )}
      {runs.length > 0 && <Run model={model} runs={runs} />}
    </div>
  )
}
