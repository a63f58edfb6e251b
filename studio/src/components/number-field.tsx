/** A number to type; empty for the default. */
import type { Signal } from '@preact/signals-core'
import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Field } from './field.js'

export interface NumberFieldProps {
  readonly id: string
  readonly label: string
  readonly value: Signal<number | undefined>
  readonly min?: number
  readonly max?: number
  /** How far the arrow keys go; if it is whole, so must be the number. */
  readonly step: number
  readonly placeholder?: string | undefined
  readonly note?: string | undefined
  /** What stands beside the field. */
  readonly children?: ComponentChildren
}

/** Why a field cannot be used, in the browser's words; '' if it can. */
function problemOf({ validity, validationMessage, step }: HTMLInputElement): string {
  // 0.25 is as good as 0.2 and 0.3.
  const isBetweenSteps = validity.stepMismatch && !validity.rangeUnderflow && !validity.rangeOverflow
  return isBetweenSteps && !Number.isInteger(Number(step)) ? '' : validationMessage
}

/** Leads to the first number of a form that cannot be used. @returns whether there is one */
export function findsProblem(form: HTMLFormElement): boolean {
  const fields = [...form.querySelectorAll<HTMLInputElement>('input[type="number"]')]
  const first = fields.find(field => problemOf(field) !== '')
  first?.focus()
  return first !== undefined
}

/** What was typed but cannot be used, or could not before it was changed, beside the value that stays. */
interface Refusal {
  readonly text: string
  readonly why: string
  readonly value: number | undefined
}

export function NumberField({ id, label, value, min, max, step, placeholder, note, children }: NumberFieldProps) {
  const input = useRef<HTMLInputElement>(null)
  const [refusal, setRefusal] = useState<Refusal | null>(null)
  const current = value.value
  // A new value, such as another seed, takes the place of what was typed.
  const refused = refusal?.value === current ? refusal : null
  const why = refused?.why ?? ''
  const entered = (): Refusal => ({ text: input.current!.value, why: problemOf(input.current!), value: current })
  const take = () => {
    const entry = entered()
    setRefusal(entry.why === '' ? null : entry)
    if (entry.why === '') value.value = entry.text === '' ? undefined : input.current!.valueAsNumber
  }
  // Another model has other limits.
  useLayoutEffect(take, [min, max])
  const notes = [...(why === '' ? [] : [`${id}-problem`]), ...(note === undefined ? [] : [`${id}-note`])]
  const field = (
    <input
      ref={input}
      id={id}
      type="number"
      inputMode="decimal"
      value={refused?.text ?? current ?? ''}
      placeholder={placeholder}
      {...(min === undefined ? {} : { min })}
      {...(max === undefined ? {} : { max })}
      step={step}
      aria-invalid={why !== ''}
      aria-describedby={notes.length === 0 ? undefined : notes.join(' ')}
      // The reason disappears as soon as the number is right. If it did so on leaving the field, the button that is
      // about to be pressed would move.
      onInput={() => refused !== null && setRefusal(entered())}
      onChange={take}
    />
  )
  return (
    <Field id={id} label={label} note={note}>
      {children === undefined ? (
        field
      ) : (
        <div class="field-row">
          {field}
          {children}
        </div>
      )}
      {why !== '' && (
        <p class="field-problem" id={`${id}-problem`} role="alert">
          {why}
        </p>
      )}
    </Field>
  )
}
