/** The diffusion process of a model, in both directions. */
import { useEffect, useMemo } from 'preact/hooks'
import type { StudioModel } from '../../backend/studio-backend.js'
import { CurveFigure } from '../../components/curve-figure.js'
import { DropZone, RECORDINGS } from '../../components/drop-zone.js'
import { LabelField } from '../../components/label-field.js'
import { NumberField } from '../../components/number-field.js'
import { SamplingFields } from '../../components/sampling-fields.js'
import { TaskNote } from '../../components/task-note.js'
import type { CurvePicture } from '../../drawing/curve-picture.js'
import { ForwardSection } from './forward-section.js'
import type { ProcessModel } from './process-model.js'
import { ReverseSection } from './reverse-section.js'

/** ᾱ of the levels that sampling visits. */
function samplingPicture(alphaBars: readonly number[]): CurvePicture {
  const x = alphaBars.map((_, step) => step + 1)
  return {
    series: [
      {
        name: 'noise before the step, √(1 − ᾱ)',
        x,
        y: alphaBars.map(level => Math.sqrt(1 - level)),
        style: 'line and points',
        colour: 'second',
      },
    ],
    xAxis: { title: 'step', kind: 'linear', min: 1, max: Math.max(2, alphaBars.length) },
    yAxis: { title: 'gain', kind: 'linear', min: 0, max: 1 },
  }
}

function SamplingCurve({ model }: { model: ProcessModel }) {
  const alphaBars = model.sampling.value?.alphaBars ?? null
  const picture = useMemo(() => (alphaBars === null ? null : samplingPicture(alphaBars)), [alphaBars])
  if (picture === null) return null
  return (
    <CurveFigure
      title="Noise that each step sees"
      description={`${alphaBars!.length} steps of sampling.`}
      picture={picture}
      height={150}
    />
  )
}

export function ProcessView({
  model,
  models,
  sample,
}: {
  model: ProcessModel
  models: readonly StudioModel[]
  sample: () => void
}) {
  useEffect(() => model.begin(models), [model, models])
  const chosen = model.choice.model.value
  const isGenerator = chosen?.kind === 'generator'
  const recording = model.recording.value
  return (
    <div class="view">
      <aside class="panel" aria-label="Settings of the process">
        <DropZone
          what="a recording"
          accept={RECORDINGS}
          onFiles={([file]) => {
            if (file !== undefined) model.recording.value = file
          }}
        >
          <p class="note">
            {recording === null ? 'Or use ' : `Now: ${recording.name}. Or use `}
            <button type="button" class="link" onClick={sample}>
              the sample sentence
            </button>
            .
          </p>
        </DropZone>
        <SamplingFields prefix="process" choice={model.choice} />
        {isGenerator && (
          <>
            <LabelField id="process-label" model={chosen} value={model.label} />
            <NumberField
              id="process-seconds"
              label="Length, s"
              value={model.seconds}
              min={0.1}
              max={10}
              step={0.1}
              placeholder={String(chosen.clipSeconds ?? 1)}
            />
            {chosen.labels !== null && (
              <NumberField
                id="process-guidance"
                label="Guidance"
                value={model.guidance}
                min={0}
                max={10}
                step={0.5}
                placeholder={String(chosen.defaultGuidance)}
              />
            )}
          </>
        )}
        <button
          type="button"
          class="button primary"
          disabled={model.order.value === null}
          onClick={() => model.runAgain()}
        >
          Run again
        </button>
        <TaskNote task={model.scheduleTask} what="Reading the schedule" />
        <SamplingCurve model={model} />
      </aside>
      <div class="stack">
        <ForwardSection model={model.forward} />
        <ReverseSection model={model.reverse} shapedNoise={chosen?.shapedNoise === true} />
      </div>
    </div>
  )
}
