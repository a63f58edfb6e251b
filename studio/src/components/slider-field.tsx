/** A slider with its value in words. */
export interface SliderFieldProps {
  readonly id: string
  readonly label: string
  readonly value: number
  readonly min: number
  readonly max: number
  /** The value as people read it. */
  readonly text: string
  readonly onInput: (value: number) => void
}

export function SliderField({ id, label, value, min, max, text, onInput }: SliderFieldProps) {
  return (
    <div class="field">
      {/* Beside the slider, a text that changes would move the slider under the pointer. */}
      <div class="slider-head">
        <label for={id}>{label}</label>
        <output for={id}>{text}</output>
      </div>
      <input
        id={id}
        type="range"
        min={min}
        max={max}
        value={value}
        aria-valuetext={text}
        onInput={event => onInput(event.currentTarget.valueAsNumber)}
      />
    </div>
  )
}
