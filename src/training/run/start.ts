/** Starts a run with new weights, or resumes it from the checkpoint of its folder. */
import { realpath } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { DiffWaveError } from '../../core/errors.js'
import type { Tensor, Tensors } from '../../core/tensor.js'
import { bestModelPath, lastModelPath } from '../../formats/run-folder.js'
import type { ModelConfig } from '../../model/config.js'
import { checkParameters } from '../../model/parameters.js'
import type { TrainingConfig } from '../config.js'
import type { Dataset } from '../data/dataset.js'
import { measureLabelShares, measurePrior, measureSubbands } from '../data/measure.js'
import { Adam } from '../optimiser/adam.js'
import { initialParameters } from '../optimiser/initialise.js'
import type { TrainingState } from '../optimiser/optimiser.js'
import { hasCheckpoint, readCheckpoint, readProgress, type TrainingProgress } from './checkpoint.js'
import { cutMetrics } from './metrics-log.js'
import { configOf, refuseChange, withPresentation } from './run-identity.js'

export interface StartOptions {
  readonly config: TrainingConfig
  readonly data: Dataset
  /** Folder for the checkpoint, the log and the model. It is created if it does not exist. */
  readonly out: string
  /** Whether to continue from the folder's checkpoint. If false, a folder with a checkpoint is refused. */
  readonly resume?: boolean | undefined
  /** Whether to continue the run and let its learning rate come down at once (`finished`). */
  readonly finish?: boolean | undefined
  /** For fine-tuning: the weights to start from, and the config with the measured constants they were trained with. */
  readonly from?: { readonly config: ModelConfig; readonly parameters: Tensors } | undefined
}

/** The state of a run at its start (weights, average and optimiser), its progress, and the config to go on with. */
export interface Start {
  readonly config: TrainingConfig
  readonly state: TrainingState
  readonly progress: TrainingProgress
}

/** Starts or resumes a run, and removes events of its log that lie after its step. */
export async function startOrResume(options: StartOptions): Promise<Start> {
  const { config, out } = options
  const adam = new Adam({
    beta1: config.optimiser.beta1,
    beta2: config.optimiser.beta2,
    epsilon: config.optimiser.epsilon,
  })
  await checkBeginning(out, options)
  const start = (await hasCheckpoint(out)) ? await resumed(options, adam) : fresh(options, adam)
  await cutMetrics(out, start.progress.step)
  return start
}

/**
 * Checks whether a run can begin in a folder.
 *
 * @throws DiffWaveError `BAD_OPTION` if the folder has a checkpoint and its run is not to be continued, or if there is
 * no run to finish
 */
export async function checkBeginning(
  out: string,
  { resume = false, finish = false }: Pick<StartOptions, 'resume' | 'finish'>,
): Promise<void> {
  const continues = await hasCheckpoint(out)
  if (finish && !continues) {
    throw new DiffWaveError('BAD_OPTION', 'there is no run to finish', { expected: 'a checkpoint', where: out })
  }
  if (resume || finish || !continues) return
  throw new DiffWaveError('BAD_OPTION', 'the folder already has a checkpoint', {
    where: out,
    hint: 'Continue its run with the option resume (--resume), or use another folder.',
  })
}

/**
 * Refuses another config than that of a folder's checkpoint, if it has one, and a checkpoint that is cut short. Of the
 * checkpoint only the header is read: this is for before the recordings are read, and the run reads the rest after it.
 *
 * @throws DiffWaveError `BAD_CONFIG`, naming the field, and as `readCheckpoint`
 */
export async function refuseOtherConfig(out: string, config: TrainingConfig): Promise<void> {
  if (await hasCheckpoint(out)) refuseChange(await readProgress(out), config, out)
}

/**
 * Refuses to start from a model that the run itself would overwrite. A run with a checkpoint continues from that, and
 * does not start from the model.
 *
 * @throws DiffWaveError `BAD_OPTION`
 */
export async function refuseOwnModel(out: string, model: string): Promise<void> {
  if (await hasCheckpoint(out)) return
  const real = (path: string) => realpath(path).catch(() => resolve(path))
  const [start, ...written] = await Promise.all([model, lastModelPath(out), bestModelPath(out)].map(real))
  if (!written.some(folder => start === folder || dirname(start!) === folder)) return
  throw new DiffWaveError('BAD_OPTION', 'the run would overwrite the model that it starts from', {
    where: model,
    hint: 'Use another folder for the run.',
  })
}

async function resumed(options: StartOptions, adam: Adam): Promise<Start> {
  const { data, out } = options
  const { state, progress } = await readCheckpoint(out, adam)
  const config = options.finish ? finished(options.config, progress, out) : options.config
  if (progress.data !== data.fingerprint) {
    throw new DiffWaveError('BAD_DATA', 'the recordings are not those that this run was started with', {
      where: out,
      hint: 'Use the same data folders in the same order, or start a new run from its model (from, --from).',
    })
  }
  refuseChange(progress, config, out)
  const model = withPresentation(progress.model, config.model)
  return { config, state, progress: { ...progress, config: JSON.stringify(config), model } }
}

function fresh(options: StartOptions, adam: Adam): Start {
  const { config, data, from } = options
  const model = withMeasuredConstants(options)
  const weights =
    from === undefined
      ? initialParameters(model.network, config.seed)
      : clone(checkParameters(model.network, from.parameters, 'the model to start from'))
  return {
    config,
    state: { weights, average: clone(weights), adam },
    progress: {
      step: 0,
      optimiserStep: 0,
      seconds: 0,
      samplesSeen: 0,
      best: null,
      data: data.fingerprint,
      config: JSON.stringify(config),
      model,
    },
  }
}

/**
 * Sets `totalSteps` so that the learning rate comes down from the checkpoint on and the run ends after `decaySteps`
 * updates. If it comes down already, the end stays where it is: a run that was interrupted then finishes as planned.
 */
function finished(config: TrainingConfig, progress: TrainingProgress, out: string): TrainingConfig {
  const { optimiser } = config
  const { decaySteps, warmupSteps } = optimiser
  const planned = configOf(progress, out).optimiser.totalSteps
  const comesDown = progress.step > planned - decaySteps!
  const totalSteps = comesDown ? planned : Math.max(progress.step, warmupSteps) + decaySteps!
  return { ...config, optimiser: { ...optimiser, totalSteps } }
}

/**
 * Measures constants on the recordings and adds them to the model. If the run starts from trained weights, the
 * diffusion keeps the constants that these were trained with.
 */
function withMeasuredConstants({ config, data, from }: StartOptions): ModelConfig {
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

function clone(tensors: Tensors): Map<string, Tensor> {
  return new Map([...tensors].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]))
}
