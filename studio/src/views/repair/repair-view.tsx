/** Repair of recordings: gaps and noise. */
import { useLayoutEffect } from 'preact/hooks'
import type { StudioModel } from '../../backend/studio-backend.js'
import type { DenoiseModel } from './denoise-model.js'
import { DenoiseSection } from './denoise-section.js'
import type { InpaintModel } from './inpaint-model.js'
import { InpaintSection } from './inpaint-section.js'

export interface RepairViewProps {
  readonly inpaint: InpaintModel
  readonly denoise: DenoiseModel
  readonly models: readonly StudioModel[]
  /** Opens the sample sentence. */
  readonly onSample: () => void
}

export function RepairView({ inpaint, denoise, models, onSample }: RepairViewProps) {
  // Before anybody can use the view: a file that came first would find no model.
  useLayoutEffect(() => {
    inpaint.offer(models)
    denoise.offer(models)
  }, [inpaint, denoise, models])
  return (
    <div class="stack">
      <InpaintSection model={inpaint} onSample={onSample} />
      <DenoiseSection model={denoise} />
    </div>
  )
}
