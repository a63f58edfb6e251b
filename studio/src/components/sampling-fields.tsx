/** The fields of a `SamplingChoice`. */
import { Field } from './field.js'
import { NumberField } from './number-field.js'
import { type SamplingChoice, samplers } from './sampling-choice.js'
import { SelectField } from './select-field.js'

/** Kinds of models, in words. */
const kinds = { vocoder: 'mel to audio', generator: 'from noise' } as const

export interface SamplingFieldsProps {
  /** Begins the ids of the fields. */
  readonly prefix: string
  readonly choice: SamplingChoice
  readonly withSeed?: boolean
}

function SeedField({ prefix, choice }: SamplingFieldsProps) {
  const id = `${prefix}-seed`
  return (
    <Field id={id} label="Seed" note="The same seed makes the same sound.">
      <div class="seed-row">
        <input
          id={id}
          type="number"
          min={0}
          step={1}
          value={choice.seed.value ?? ''}
          placeholder="random"
          aria-describedby={`${id}-note`}
          onChange={event => {
            const { value, valueAsNumber } = event.currentTarget
            choice.seed.value = value === '' || Number.isNaN(valueAsNumber) ? undefined : Math.round(valueAsNumber)
          }}
        />
        <button type="button" class="button" onClick={() => choice.drawSeed()}>
          New seed
        </button>
      </div>
    </Field>
  )
}

export function SamplingFields({ prefix, choice, withSeed = true }: SamplingFieldsProps) {
  const model = choice.model.value
  const schedules = model?.samplingSchedules ?? []
  const missing = choice.missing.value
  const tuned = schedules.length > 0 ? `Tuned schedules: ${schedules.join(', ')}.` : undefined
  return (
    <>
      <SelectField
        id={`${prefix}-model`}
        label="Model"
        value={choice.modelName}
        choices={choice.models.value.map(({ name, kind }) => ({ value: name, label: `${name} – ${kinds[kind]}` }))}
        {...(missing === null ? {} : { note: missing })}
      />
      <NumberField
        id={`${prefix}-steps`}
        label="Steps"
        value={choice.steps}
        min={1}
        max={model?.trainingSteps ?? 1000}
        step={1}
        placeholder={model === null ? '' : `${model.defaultSteps}, the model’s own`}
        {...(tuned === undefined ? {} : { note: tuned })}
      />
      <SelectField id={`${prefix}-sampler`} label="Sampler" value={choice.sampler} choices={samplers} />
      {choice.sampler.value === 'ddim' && (
        <NumberField
          id={`${prefix}-eta`}
          label="η, noise added per step"
          value={choice.eta}
          min={0}
          max={1}
          step={0.1}
          placeholder="0"
        />
      )}
      {withSeed && <SeedField prefix={prefix} choice={choice} />}
    </>
  )
}
