/** Clips from noise alone: a wall to look at and to listen to. */
import { useEffect, useMemo } from 'preact/hooks'
import { saveFile } from '#src/core/save-file.browser'
import { levelRange } from '../../audio/spectrogram.js'
import { cachedSpectrogram } from '../../audio/spectrogram-cache.js'
import type { StudioModel } from '../../backend/studio-backend.js'
import { GuidanceField, LengthField } from '../../components/clip-fields.js'
import { LabelField } from '../../components/label-field.js'
import { LevelLegend } from '../../components/level-legend.js'
import { findsProblem, NumberField } from '../../components/number-field.js'
import { SamplingFields } from '../../components/sampling-fields.js'
import { TaskNote } from '../../components/task-note.js'
import { ClipCard } from './clip-card.js'
import type { GenerateModel } from './generate-model.js'

/** Clips that a job makes at once. */
const MAX_CLIPS = 24

function Settings({ model }: { model: GenerateModel }) {
  const chosen = model.choice.model.value
  return (
    <form
      class="panel"
      aria-label="Settings of the clips"
      // Browsers would refuse lengths between the steps of the arrow keys.
      noValidate={true}
      onSubmit={event => {
        event.preventDefault()
        if (!findsProblem(event.currentTarget)) void model.run()
      }}
    >
      <SamplingFields prefix="generate" choice={model.choice} />
      {chosen !== null && <LabelField id="generate-label" model={chosen} value={model.label} />}
      <GuidanceField
        id="generate-guidance"
        model={chosen}
        value={model.guidance}
        note="More follows the label more closely."
      />
      <LengthField id="generate-seconds" model={chosen} value={model.seconds} max={30} />
      <NumberField id="generate-count" label="Clips" value={model.count} min={1} max={MAX_CLIPS} step={1} />
      <button type="submit" class="button primary" disabled={model.order.value === null}>
        Generate
      </button>
    </form>
  )
}

function Wall({ model }: { model: GenerateModel }) {
  const [clips, kept] = [model.clips.value, model.kept.value]
  const range = useMemo(() => {
    const ranges = clips.map(({ sound }) => levelRange(cachedSpectrogram(sound, 512)))
    return ranges.sort((a, b) => b.max - a.max)[0]
  }, [clips])
  if (clips.length === 0) {
    return (
      <p class="empty large">
        {model.task.running.value
          ? 'The first clip is on its way.'
          : (model.choice.missing.value ??
            'Nothing yet. Choose a model and press Generate: every clip starts from different noise.')}
      </p>
    )
  }
  return (
    <>
      <div class="wall-head">
        <h2>
          {clips.length} {clips.length === 1 ? 'clip' : 'clips'}
        </h2>
        {range !== undefined && <LevelLegend range={range} />}
        <button
          type="button"
          class="button"
          disabled={kept.length === 0}
          onClick={() => saveFile('diffwave-clips.zip', model.archive(), 'application/zip')}
        >
          Save {kept.length === 0 ? 'kept' : `${kept.length} kept`}
        </button>
      </div>
      <ul class="wall">
        {clips.map(clip => (
          <ClipCard key={clip} clip={clip} range={range} />
        ))}
      </ul>
    </>
  )
}

export function GenerateView({ model, models }: { model: GenerateModel; models: readonly StudioModel[] }) {
  useEffect(() => model.offer(models), [model, models])
  return (
    <div class="view">
      <Settings model={model} />
      <div class="stack">
        <p class="teach">
          This is the same reverse process without a mel. The network has learnt what its recordings sound like, and
          every seed makes another clip. Kept clips stay when you generate again.
        </p>
        <TaskNote task={model.task} what="Making clips" />
        <Wall model={model} />
      </div>
    </div>
  )
}
