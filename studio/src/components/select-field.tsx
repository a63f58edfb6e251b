/** A choice of a few. */
import type { Signal } from '@preact/signals-core'
import { Field } from './field.js'

export interface Choice {
  readonly value: string
  readonly label: string
}

export interface SelectFieldProps {
  readonly id: string
  readonly label: string
  readonly value: Signal<string>
  readonly choices: readonly Choice[]
  readonly note?: string
}

export function SelectField({ id, label, value, choices, note }: SelectFieldProps) {
  return (
    <Field id={id} label={label} note={note}>
      <select
        id={id}
        value={value.value}
        aria-describedby={note === undefined ? undefined : `${id}-note`}
        onChange={event => {
          value.value = event.currentTarget.value
        }}
      >
        {choices.map(choice => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
    </Field>
  )
}
