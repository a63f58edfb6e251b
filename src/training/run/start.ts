/** Where a run begins: at its folder's checkpoint, if that is the same run's, or with new weights. */
import { DiffWaveError } from '../../core/errors.js'
import type { Tensor, Tensors } from '../../core/tensor.js'
import type { ModelConfig } from '../../model/config.js'
import { checkParameters } from '../../model/parameters.js'
import { checkTrainingConfig, type TrainingConfig } from '../config.js'
import type { Dataset } from '../data/dataset.js'
import { measureLabelShares, measurePrior, measureSubbands } from '../data/measure.js'
import { Adam } from '../optimiser/adam.js'
import { initialParameters } from '../optimiser/initialise.js'
import { hasCheckpoint, type Position, readCheckpoint, type TrainingState } from './checkpoint.js'
import { cutMetrics } from './metrics-log.js'

export interface StartOptions {
  readonly config: TrainingConfig
  readonly data: Dataset
  /** Folder for checkpoint, log and model; made if need be. */
  readonly out: string
  /** Goes on from the folder's checkpoint; without it a folder that holds one is refused. */
  readonly resume?: boolean
  /** Weights to start from, and the model whose measured constants they were trained with (fine-tuning). */
  readonly from?: { readonly config: ModelConfig; readonly parameters: Tensors }
}

/** Weights, average, optimiser, and how far the run has come; the log is cut back to that. */
export async function start(options: StartOptions): Promise<{ state: TrainingState; position: Position }> {
  const { config, data, out, from } = options
  const adam = new Adam({
    beta1: config.optimiser.beta1,
    beta2: config.optimiser.beta2,
    epsilon: config.optimiser.epsilon,
  })
  const identity = JSON.stringify(config)
  const existing = await hasCheckpoint(out)
  if (options.resume && existing) {
    const { state, position } = await readCheckpoint(out, adam)
    if (position.data !== data.fingerprint) {
      throw new DiffWaveError('BAD_DATA', 'the recordings are not those this run was started with', {
        where: out,
        hint: 'Give the same --data folders in the same order, or start anew with --from.',
      })
    }
    // Read again, so that what a later version added is there with its default.
    if (learnt(checkTrainingConfig(JSON.parse(position.config), out)) !== learnt(config)) {
      throw new DiffWaveError('BAD_CONFIG', 'the config is not the one this run was started with', {
        where: out,
        hint: 'Take back the change, or start anew with --from.',
      })
    }
    await cutMetrics(out, position.step)
    return { state, position: { ...position, config: identity, model: presented(position.model, config.model) } }
  }
  if (existing) {
    throw new DiffWaveError('BAD_OPTION', 'the folder already holds a checkpoint', {
      where: out,
      hint: 'Go on with --resume, or give another folder.',
    })
  }
  const model = measured(options)
  const weights =
    from === undefined
      ? initialParameters(model.network, config.seed)
      : copied(checkParameters(model.network, from.parameters, 'the model to start from'))
  await cutMetrics(out, -1)
  const state = { weights, average: copied(weights), adam }
  return {
    state,
    position: {
      step: 0,
      optimiserStep: 0,
      seconds: 0,
      samplesSeen: 0,
      best: null,
      data: data.fingerprint,
      config: identity,
      model,
    },
  }
}

/** A model with what another says of how it is sampled and presented, on which training does not depend. */
function presented(model: ModelConfig, { name, description, license, diffusion }: ModelConfig): ModelConfig {
  const { sampling, defaultSteps, defaultSampler, defaultGuidance, refinement } = diffusion
  return {
    ...model,
    name,
    description,
    license,
    diffusion: { ...model.diffusion, sampling, defaultSteps, defaultSampler, defaultGuidance, refinement },
  }
}

/** What a run depends on, as text: all but how its model is presented, and the update that its learning rate comes down by. */
function learnt(config: TrainingConfig): string {
  const nothing = {
    sampling: {},
    defaultSteps: null,
    defaultSampler: 'ddpm',
    defaultGuidance: 0,
    refinement: null,
  } as const
  const plain = { name: '', description: '', license: '', diffusion: { ...config.model.diffusion, ...nothing } }
  const optimiser = { ...config.optimiser, totalSteps: 0 }
  return JSON.stringify({ ...config, optimiser, model: presented(config.model, { ...config.model, ...plain }) })
}

/** The model with what is measured on the recordings; weights learnt under one measure of the diffusion keep its constants. */
function measured({ config, data, from }: StartOptions): ModelConfig {
  const { model } = config
  const { diffusion, mel, network } = model
  const prior = () => from?.config.diffusion.prior ?? measurePrior(data.training, mel!, config.prior!.floor)
  const subbands = () =>
    from?.config.diffusion.subbands ?? measureSubbands(data.training, network.patch, config.subbands!)
  return {
    ...model,
    labelShares:
      config.labelShares === null
        ? model.labelShares
        : measureLabelShares(data.training, model, config.data.cropSamples),
    diffusion: {
      ...diffusion,
      prior: config.prior === null ? diffusion.prior : prior(),
      subbands: config.subbands === null ? diffusion.subbands : subbands(),
    },
  }
}

function copied(tensors: Tensors): Map<string, Tensor> {
  return new Map([...tensors].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]))
}
