/**
 * What makes a run the same run when it is resumed: the settings that its weights depend on. Names, texts and the way a
 * model samples may change.
 */
import { DiffWaveError } from '../../core/errors.js'
import type { ModelConfig } from '../../model/config.js'
import { checkTrainingConfig, type TrainingConfig } from '../config.js'
import type { TrainingProgress } from './checkpoint.js'

/**
 * Refuses a config of another run than that of a checkpoint.
 *
 * @throws DiffWaveError `BAD_CONFIG`, naming the field, and `BAD_CHECKPOINT`
 */
export function refuseChange(progress: TrainingProgress, config: TrainingConfig, out: string): void {
  const change = firstDifference(runIdentity(configOf(progress, out)), runIdentity(config))
  if (change === null) return
  throw new DiffWaveError('BAD_CONFIG', `${change.field} is not what this run was started with`, {
    expected: change.before,
    got: change.now,
    where: out,
    hint: 'Undo the change, or start a new run from its model (from, --from).',
  })
}

/** The config that a checkpoint's run was last continued with. @throws DiffWaveError `BAD_CHECKPOINT`, `BAD_CONFIG` */
export function configOf({ config }: TrainingProgress, where: string): TrainingConfig {
  let value: unknown
  try {
    value = JSON.parse(config)
  } catch (error) {
    throw new DiffWaveError('BAD_CHECKPOINT', 'the config in the checkpoint is not JSON', { where, cause: error })
  }
  // It is checked again, so that fields that a later version added have their defaults.
  return checkTrainingConfig(value, where)
}

/** Splits a model's config into what its weights depend on, and names, texts and how it samples. */
function split({ name, description, license, clipSeconds, aliases, provenance, diffusion, ...rest }: ModelConfig) {
  const { sampling, defaultSteps, defaultSampler, noiseScale, defaultGuidance, refinement, highBand, ...process } =
    diffusion
  return {
    trained: { ...rest, diffusion: process },
    presentation: {
      ...{ name, description, license, clipSeconds, aliases, provenance },
      diffusion: { sampling, defaultSteps, defaultSampler, noiseScale, defaultGuidance, refinement, highBand },
    },
  }
}

/** Gives a model the names and texts of another one, and its way to sample. */
export function withPresentation(model: ModelConfig, other: ModelConfig): ModelConfig {
  const { diffusion, ...fields } = split(other).presentation
  return { ...model, ...fields, diffusion: { ...model.diffusion, ...diffusion } }
}

/**
 * Makes the identity of a run: all settings that the weights depend on. Validations and checkpoints only read the
 * weights, and the noise of a validation is always the same.
 */
function runIdentity({ every, adversarial, optimiser, model, ...rest }: TrainingConfig) {
  const { totalSteps, ...settings } = optimiser
  const { trained } = split(model)
  const diffusion = { ...trained.diffusion, ...followedDefaults(rest.noiseLevels, model.diffusion) }
  return { ...rest, optimiser: settings, model: { ...trained, diffusion } }
}

/** The sampling defaults that training follows: those of the levels it is focused on, or of the network's own steps. */
function followedDefaults(
  { kind }: TrainingConfig['noiseLevels'],
  { sampling, defaultSteps, noiseScale }: ModelConfig['diffusion'],
) {
  if (kind === 'focused') return { sampling, defaultSteps }
  return kind === 'own' ? { noiseScale } : {}
}

/** A field in which two configs differ, with its values as JSON. */
interface Difference {
  readonly field: string
  readonly before: string
  readonly now: string
}

function firstDifference(before: unknown, now: unknown, field = ''): Difference | null {
  if (typeof before !== 'object' || typeof now !== 'object' || before === null || now === null) {
    return before === now
      ? null
      : { field, before: JSON.stringify(before) ?? 'none', now: JSON.stringify(now) ?? 'none' }
  }
  const [one, other] = [before, now].map(value => new Map<string, unknown>(Object.entries(value)))
  for (const key of new Set([...one!.keys(), ...other!.keys()])) {
    const found = firstDifference(one!.get(key), other!.get(key), field === '' ? key : `${field}.${key}`)
    if (found !== null) return found
  }
  return null
}
