/** What a generator is asked for besides its label: how long a clip is, and how closely it follows the label. */
import type { Signal } from '@preact/signals-core'
import type { StudioModel } from '../backend/studio-backend.js'
import { NumberField } from './number-field.js'

export interface ClipFieldProps {
  readonly id: string
  /** The chosen model; null before there is one. */
  readonly model: StudioModel | null
  readonly value: Signal<number | undefined>
}

/** @param max in seconds */
export function LengthField({ id, model, value, max }: ClipFieldProps & { readonly max: number }) {
  const placeholder = String(model?.clipSeconds ?? 1)
  return (
    <NumberField id={id} label="Length, s" value={value} min={0.1} max={max} step={0.1} placeholder={placeholder} />
  )
}

/** Nothing for a model without labels. */
export function GuidanceField({ id, model, value, note }: ClipFieldProps & { readonly note?: string }) {
  if (model === null || model.labels === null) return null
  return (
    <NumberField
      id={id}
      label="Guidance"
      value={value}
      min={0}
      max={10}
      step={0.5}
      placeholder={String(model.defaultGuidance)}
      note={note}
    />
  )
}
