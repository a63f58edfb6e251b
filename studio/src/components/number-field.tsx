/** A number to type; empty for the default. */
import type { Signal } from '@preact/signals-core'
import { Field } from './field.js'

export interface NumberFieldProps {
  readonly id: string
  readonly label: string
  readonly value: Signal<number | undefined>
  readonly min?: number
  readonly max?: number
  readonly step?: number
  readonly placeholder?: string
  readonly note?: string
}

export function NumberField({ id, label, value, min, max, step, placeholder, note }: NumberFieldProps) {
  return (
    <Field id={id} label={label} note={note}>
      <input
        id={id}
        type="number"
        inputMode="decimal"
        value={value.value ?? ''}
        placeholder={placeholder}
        {...(min === undefined ? {} : { min })}
        {...(max === undefined ? {} : { max })}
        step={step ?? 'any'}
        {...(note === undefined ? {} : { 'aria-describedby': `${id}-note` })}
        onChange={event => {
          const { value: text, valueAsNumber } = event.currentTarget
          value.value = text === '' || Number.isNaN(valueAsNumber) ? undefined : valueAsNumber
        }}
      />
    </Field>
  )
}
