/** The model of a request: the one it names, or the first of the kind. */
import { DiffWaveError } from '../../core/errors.js'
import type { ModelConfig } from '../../model/config.js'
import type { ModelCache } from '../model-cache.js'

export interface ChosenModel {
  readonly name: string
  readonly config: ModelConfig
}

/**
 * The model of an operation for models of both kinds.
 *
 * @param kind of the model if the request names none
 * @throws DiffWaveError `UNKNOWN_MODEL`; Refusal `MODEL_UNAVAILABLE`
 */
export async function anyModel(
  models: ModelCache,
  named: string | undefined,
  kind: ModelConfig['kind'],
): Promise<ChosenModel> {
  const name = named ?? (await models.firstOf(kind))
  return { name, config: await models.config(name) }
}

/**
 * The model of an operation for models of one kind.
 *
 * @throws DiffWaveError `UNKNOWN_MODEL`, `BAD_OPTION` (a model of another kind); Refusal `MODEL_UNAVAILABLE`
 */
export async function chosenModel(
  models: ModelCache,
  named: string | undefined,
  kind: ModelConfig['kind'],
): Promise<ChosenModel> {
  const { name, config } = await anyModel(models, named, kind)
  if (config.kind === kind) return { name, config }
  throw new DiffWaveError('BAD_OPTION', 'the model is of the wrong kind', {
    expected: `a ${kind}`,
    got: `${name}, a ${config.kind}`,
    where: 'model',
    hint: 'GET /v1/models lists the models and their kinds.',
  })
}
