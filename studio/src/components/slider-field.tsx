/** A slider with its value in words. */
import { Field } from './field.js'

export interface SliderFieldProps {
  readonly id: string
  readonly label: string
  readonly value: number
  readonly min: number
  readonly max: number
  readonly step?: number
  /** The value as people read it. */
  readonly text: string
  readonly onInput: (value: number) => void
}

export function SliderField({ id, label, value, min, max, step = 1, text, onInput }: SliderFieldProps) {
  return (
    <Field id={id} label={label}>
      <div class="slider-row">
        <input
          id={id}
          type="range"
          min={min}
          max={max}
          step={step}
          value={value}
          aria-valuetext={text}
          onInput={event => onInput(event.currentTarget.valueAsNumber)}
        />
        <output for={id}>{text}</output>
      </div>
    </Field>
  )
}
