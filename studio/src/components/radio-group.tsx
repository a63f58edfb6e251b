/** A choice of which one is heard: arrow keys switch it. */
export interface RadioChoice {
  readonly value: string
  readonly label: string
}

export interface RadioGroupProps {
  readonly name: string
  readonly legend: string
  readonly value: string
  readonly choices: readonly RadioChoice[]
  readonly onChange: (value: string) => void
}

export function RadioGroup({ name, legend, value, choices, onChange }: RadioGroupProps) {
  return (
    <fieldset class="radios">
      <legend>{legend}</legend>
      {choices.map(choice => (
        <label key={choice.value} class="radio">
          <input
            type="radio"
            name={name}
            value={choice.value}
            checked={choice.value === value}
            onChange={() => onChange(choice.value)}
          />
          <span>{choice.label}</span>
        </label>
      ))}
    </fieldset>
  )
}
