/** The diffusion process of a model, in both directions. */
import { useEffect, useMemo } from 'preact/hooks'
import type { StudioModel } from '../../backend/studio-backend.js'
import { GuidanceField, LengthField } from '../../components/clip-fields.js'
import { CurveFigure } from '../../components/curve-figure.js'
import { LabelField } from '../../components/label-field.js'
import { RecordingDrop } from '../../components/recording-drop.js'
import { SampleNote } from '../../components/sample-note.js'
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
    xAxis: { title: 'step', kind: 'whole', min: 1, max: Math.max(2, alphaBars.length) },
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
        <RecordingDrop
          what="a recording"
          onFile={file => {
            model.recording.value = file
          }}
        >
          <SampleNote before={recording === null ? 'Or use' : `Now: ${recording.name}. Or use`} onSample={sample} />
        </RecordingDrop>
        <SamplingFields prefix="process" choice={model.choice} />
        {isGenerator && (
          <>
            <LabelField id="process-label" model={chosen} value={model.label} />
            <LengthField id="process-seconds" model={chosen} value={model.seconds} max={10} />
            <GuidanceField id="process-guidance" model={chosen} value={model.guidance} />
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
