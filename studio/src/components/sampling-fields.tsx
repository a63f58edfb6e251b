/** The fields of a `SamplingChoice`. */
import { NumberField } from './number-field.js'
import { type SamplingChoice, samplers } from './sampling-choice.js'
import { SelectField } from './select-field.js'

/** Kinds of models, in words. */
const kinds = { vocoder: 'mel to audio', generator: 'from noise' } as const

export interface SamplingFieldsProps {
  /** Begins the ids of the fields. */
  readonly prefix: string
  readonly choice: SamplingChoice
}

function SeedField({ prefix, choice }: SamplingFieldsProps) {
  return (
    <NumberField
      id={`${prefix}-seed`}
      label="Seed"
      value={choice.seed}
      min={0}
      step={1}
      placeholder="random"
      note="The same seed makes the same sound."
    >
      <button type="button" class="button" onClick={() => choice.drawSeed()}>
        New seed
      </button>
    </NumberField>
  )
}

export function SamplingFields({ prefix, choice }: SamplingFieldsProps) {
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
        note={tuned}
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
      <SeedField prefix={prefix} choice={choice} />
    </>
  )
}
