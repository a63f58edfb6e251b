/** Recordings and mels as audio, beside what other systems make of them. */
import { useLayoutEffect } from 'preact/hooks'
import type { StudioModel } from '../../backend/studio-backend.js'
import { DropZone, MELS, RECORDINGS } from '../../components/drop-zone.js'
import { NumberField } from '../../components/number-field.js'
import { SampleNote } from '../../components/sample-note.js'
import { SamplingFields } from '../../components/sampling-fields.js'
import type { VocodeModel } from './vocode-model.js'
import { VocodedCard } from './vocoded-card.js'

export interface VocodeViewProps {
  readonly model: VocodeModel
  readonly models: readonly StudioModel[]
  /** Adds the sample sentence. */
  readonly onSample: () => void
}

export function VocodeView({ model, models, onSample }: VocodeViewProps) {
  // Before anybody can use the view: a file that came first would find no model.
  useLayoutEffect(() => model.begin(models), [model, models])
  const [files, chosen] = [model.files.value, model.choice.model.value]
  return (
    <div class="view">
      <aside class="panel" aria-label="Settings of the vocoder">
        <DropZone
          what="recordings or mels"
          accept={`${RECORDINGS},${MELS}`}
          multiple={true}
          onFiles={sources => model.add(sources)}
        >
          <SampleNote before="Or add" onSample={onSample} />
        </DropZone>
        <SamplingFields prefix="vocode" choice={model.choice} />
        <NumberField
          id="vocode-refine"
          label="Phase refinement, iterations"
          value={model.refine}
          min={0}
          max={100}
          step={1}
          placeholder={String(chosen?.refinementIterations ?? 0)}
          note="0 for none."
        />
      </aside>
      <div class="stack">
        <p class="teach">
          A mel spectrogram says how loud each band is, but nothing about phase. A vocoder computes a waveform from the
          mel. The copy with the last layer zeroed is made without the network. The difference is what the network has
          learnt. Switch between copies while they play, with the mouse or the arrow keys.
        </p>
        {files.length === 0 ? (
          <p class="empty large">No files yet. Each recording is compared with its copies.</p>
        ) : (
          files.map(file => <VocodedCard key={file} file={file} onRemove={() => model.remove(file)} />)
        )}
      </div>
    </div>
  )
}
