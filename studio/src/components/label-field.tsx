/** The class or voice that a model is asked for. */
import type { Signal } from '@preact/signals-core'
import type { StudioModel } from '../backend/studio-backend.js'
import { SelectField } from './select-field.js'

export function LabelField({ id, model, value }: { id: string; model: StudioModel; value: Signal<string> }) {
  if (model.labels === null) return null
  const drawn = { value: '', label: model.drawsLabels ? 'drawn at random' : 'none' }
  const choices = [drawn, ...model.labels.map(label => ({ value: label, label }))]
  return <SelectField id={id} label="Label" value={value} choices={choices} />
}
