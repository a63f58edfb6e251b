/**
 * The training loop. It sends batches to an engine, updates the weights by Adam, and writes checkpoints and a log. It
 * uses engines only through their interface, and reads the time from the clocks that it is given.
 */
import { setImmediate } from 'node:timers/promises'
import { DiffWaveError } from '../../core/errors.js'
import { makeFolder } from '../../core/make-folder.js'
import { removeAbandoned } from '../../core/temporary.js'
import { allFinite, type Tensors } from '../../core/tensor.js'
import type { Engine } from '../../engines/engine.js'
import { bestModelPath, lastModelPath, recordingCachePath } from '../../formats/run-folder.js'
import type { Summary } from '../../formats/tfevents-writer.js'
import type { ModelConfig } from '../../model/config.js'
import { learningRate } from '../config.js'
import { BatchMaker } from '../data/batch.js'
import { removeUnneeded } from '../data/recording-cache.js'
import { Objective } from '../objective/objective.js'
import { Adam } from '../optimiser/adam.js'
import type { Gradients } from '../optimiser/gradients.js'
import { Optimiser, type TrainingState } from '../optimiser/optimiser.js'
import type { Preview } from '../preview.js'
import { validate } from '../validation.js'
import { hasCheckpoint, readCheckpoint, type TrainingProgress, writeCheckpoint } from './checkpoint.js'
import { type FolderLock, lockFolder } from './lock.js'
import { type LossByLevel, meanGradients } from './mean-gradients.js'
import { writeRunModel } from './run-model.js'
import { type StartOptions, startOrResume } from './start.js'
import { TrainingLog } from './training-log.js'
import type { TrainingStep, TrainingSummary } from './training-step.js'

export interface TrainingRunOptions extends StartOptions {
  /**
   * Names of the cache's files that the recordings need. Other files of the cache are removed once the run has started.
   * Default: none are removed.
   */
  readonly cacheFiles?: ReadonlySet<string> | undefined
  /** Called once the run has started, or was resumed: from then on, a checkpoint in `out` is its own. */
  readonly onStarted?: (() => void) | undefined
  /** Creates the engine that runs the network. */
  readonly createEngine: (model: ModelConfig, weights: Tensors) => Promise<Engine>
  /** Number of updates after which to end, including those of earlier parts of the run. */
  readonly maxSteps?: number | undefined
  /** Number of hours of this part of the run after which to end. */
  readonly maxHours?: number | undefined
  /** Ends the run after the current update, with a checkpoint. */
  readonly signal?: AbortSignal | undefined
  /** Returns the time in seconds, from any origin. */
  readonly clock: () => number
  /**
   * Writes TensorBoard event files: scalars, and with each validation a preview of what the model sounds like. Default:
   * no event files.
   */
  readonly events?:
    | {
        /** Returns the time in seconds since 1970. */
        readonly now: () => number
        /**
         * Renders the preview. It is called while the engine has the average of the weights. If it rejects with
         * `NOT_FINITE`, there is none.
         */
        readonly preview: Preview | null
      }
    | undefined
}

/** Number of updates in a row without a finite gradient that ends the run. */
const MAX_BROKEN_STEPS = 5

/** The part of a report that every step has. */
type Report = Omit<TrainingStep, 'validationLoss' | 'saved'>

/** The numbers of one update. */
interface Update {
  readonly loss: number
  readonly gradientNorm: number
  readonly learningRate: number
  readonly byLevel: LossByLevel
}

/**
 * Trains a model. It writes into `out`: checkpoint.safetensors, model/ (the average of the weights), best/ (the average
 * at the lowest validation loss) and metrics.jsonl. If a consumer leaves the loop early, the run ends with a
 * checkpoint. From one part of a run to the next, only the model's names, texts and those sampling defaults that
 * training does not follow, `every`, `adversarial` and `optimiser.totalSteps` may change.
 *
 * @returns how the run ended
 * @throws DiffWaveError `LOCKED`, `BAD_DATA` (the recordings changed since the checkpoint), `BAD_CONFIG` (the config
 * changed since the checkpoint), `DIVERGED`, `DISK_FULL`, `BAD_OPTION`
 */
export async function* trainingSteps(
  options: TrainingRunOptions,
): AsyncGenerator<TrainingStep, TrainingSummary, undefined> {
  await makeFolder(options.out)
  const lock = await lockFolder(options.out)
  try {
    // The lock was free, so no living process writes here: temporary files are left over from dead ones.
    const { out } = options
    const cache = recordingCachePath(out)
    for (const folder of [out, lastModelPath(out), bestModelPath(out), cache]) await removeAbandoned(folder, true)
    const { config, state, progress } = await startOrResume(options)
    options.onStarted?.()
    // Files are removed only now. A run that is refused for its recordings or its config will probably be started again
    // with the former ones, and needs their files.
    if (options.cacheFiles !== undefined) await removeUnneeded(cache, options.cacheFiles)
    const engine = await options.createEngine(progress.model, state.weights)
    try {
      return yield* new TrainingRun({ ...options, config }, engine, state, progress, lock).steps()
    } finally {
      await engine.dispose()
    }
  } finally {
    await lock.release()
  }
}

/** The part of a training run that one process does. */
class TrainingRun {
  readonly #options: TrainingRunOptions
  readonly #engine: Engine
  readonly #optimiser: Optimiser
  readonly #lock: FolderLock
  readonly #maker: BatchMaker
  readonly #objective: Objective
  readonly #model: ModelConfig
  readonly #log: TrainingLog
  /** Time of the clock when this part began. */
  readonly #began: number
  /** Progress when this part began. */
  readonly #before: TrainingProgress
  #state: TrainingState
  #progress: TrainingProgress
  /** Number of updates in a row without a finite gradient. */
  #broken = 0
  /** Loss of the last update that had a finite loss and gradient. */
  #finiteLoss: number | null = null

  constructor(
    options: TrainingRunOptions,
    engine: Engine,
    state: TrainingState,
    progress: TrainingProgress,
    lock: FolderLock,
  ) {
    this.#options = options
    this.#engine = engine
    this.#optimiser = new Optimiser(engine.optimiser, options.config.optimiser)
    this.#lock = lock
    this.#model = progress.model
    this.#state = state
    this.#progress = progress
    this.#before = progress
    this.#maker = new BatchMaker(options.config, this.#model, options.data.training, engine)
    this.#objective = new Objective(options.config)
    this.#began = options.clock()
    this.#log = new TrainingLog(options.out, options.events?.now ?? null)
  }

  async *steps(): AsyncGenerator<TrainingStep, TrainingSummary, undefined> {
    const { every } = this.#options.config
    // If this generator neither ends by itself nor throws, the consumer has left its loop.
    let leftEarly = true
    try {
      let batches = this.#batchesOf(this.#progress.step)
      for (let stoppedBy = this.#stopReason(); ; stoppedBy = this.#stopReason()) {
        if (stoppedBy !== null) {
          leftEarly = false
          await this.#save()
          return this.#summary(stoppedBy)
        }
        const { update, next } = await this.#step(batches)
        batches = next
        const { step } = this.#progress
        const report = this.#report(update)
        if (step % every.log === 0) {
          await this.#lock.assertHeld()
          await this.#log.writeStep(report, this.#progress.seconds, update.byLevel)
        }
        const validationLoss = step % every.validation === 0 ? await this.#validate() : null
        // While updates have no finite gradient, nothing is saved: the previous checkpoint is the last good one.
        const saved = step % every.checkpoint === 0 && this.#broken === 0
        if (saved) await this.#save()
        yield { ...report, validationLoss, saved }
      }
    } catch (error) {
      leftEarly = false
      throw error
    } finally {
      if (leftEarly) await this.#save()
    }
  }

  #stopReason(): TrainingSummary['stoppedBy'] | null {
    const { config, maxSteps, maxHours, signal, clock } = this.#options
    if (signal?.aborted) return 'signal'
    if (this.#progress.step >= config.optimiser.totalSteps) return 'total-steps'
    if (maxSteps !== undefined && this.#progress.step >= maxSteps) return 'max-steps'
    if (maxHours !== undefined && clock() - this.#began >= maxHours * 3600) return 'max-hours'
    return null
  }

  #summary(stoppedBy: TrainingSummary['stoppedBy']): TrainingSummary {
    const { step, best, seconds } = this.#progress
    return { step, loss: this.#finiteLoss, bestValidation: best, seconds, stoppedBy }
  }

  #batchesOf(step: number) {
    const { accumulation } = this.#options.config.data
    return Array.from({ length: accumulation }, (_, part) => this.#maker.batch(step * accumulation + part))
  }

  /** Does one update, and makes the batches of the next one while the engine works. */
  async #step(batches: readonly ReturnType<BatchMaker['batch']>[]) {
    const running = meanGradients(this.#engine, this.#objective, this.#optimiser, batches)
    running.catch(() => undefined) // awaited below
    // The engine starts once we yield. While it works, the average catches up and the next batches are made.
    await setImmediate()
    this.#optimiser.catchUp(this.#state)
    const next = this.#batchesOf(this.#progress.step + 1)
    const { loss, gradients, byLevel } = await running
    const update: Update = { ...(await this.#update(loss, gradients)), loss, byLevel }
    this.#progress = {
      ...this.#progress,
      step: this.#progress.step + 1,
      optimiserStep: this.#state.adam.step,
      seconds: this.#before.seconds + this.#options.clock() - this.#began,
      samplesSeen: this.#progress.samplesSeen + this.#samplesPerStep,
    }
    return { update, next }
  }

  get #samplesPerStep(): number {
    const { batch, accumulation, cropSamples } = this.#options.config.data
    return batch * accumulation * cropSamples
  }

  async #update(loss: number, gradients: Gradients) {
    const { optimiser } = this.#options.config
    const rate = learningRate(optimiser, this.#progress.step)
    const gradientNorm = await this.#optimiser.norm(gradients)
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      this.#broken++
      if (this.#broken >= MAX_BROKEN_STEPS) {
        throw await this.#rollBack(`${this.#broken} updates in a row had no finite gradient`)
      }
      return { learningRate: rate, gradientNorm }
    }
    this.#broken = 0
    this.#finiteLoss = loss
    await this.#optimiser.update(this.#state, gradients, gradientNorm, rate)
    const { weights } = this.#state
    if (![...weights.values()].every(({ data }) => allFinite(data))) {
      throw await this.#rollBack('the weights are not finite after an update')
    }
    await this.#engine.setParameters(this.#state.weights)
    return { learningRate: rate, gradientNorm }
  }

  #report({ loss, gradientNorm, learningRate: rate }: Update): Report {
    const { config, maxSteps = Number.POSITIVE_INFINITY } = this.#options
    const { step } = this.#progress
    const totalSteps = Math.min(config.optimiser.totalSteps, maxSteps)
    const secondsPerStep = (this.#progress.seconds - this.#before.seconds) / (step - this.#before.step)
    return {
      step,
      totalSteps,
      loss,
      gradientNorm,
      learningRate: rate,
      samplesPerSecond: this.#samplesPerStep / secondsPerStep,
      secondsLeft: (totalSteps - step) * secondsPerStep,
    }
  }

  /** Computes the loss on the validation clips; null if there are none. */
  async #validate(): Promise<number | null> {
    const engine = this.#engine
    const { config, data, out } = this.#options
    if (data.validation.length === 0) return null
    this.#optimiser.catchUp(this.#state)
    await engine.setParameters(this.#state.average)
    const validation = await validate({
      engine,
      maker: this.#maker,
      objective: this.#objective,
      model: this.#model,
      cropSamples: config.data.cropSamples,
      clips: data.validation,
    })
    const { loss } = validation
    const preview = Number.isFinite(loss) ? await this.#preview() : []
    await engine.setParameters(this.#state.weights)
    const { step, best } = this.#progress
    await this.#lock.assertHeld()
    await this.#log.writeValidation(step, validation, preview)
    if (Number.isFinite(loss) && (best === null || loss < best)) {
      this.#progress = { ...this.#progress, best: loss }
      await this.#writeModel(bestModelPath(out))
    }
    return loss
  }

  /** Renders the preview. A model whose output is not finite, as it may be early in training, cannot be heard. */
  async #preview(): Promise<readonly Summary[]> {
    try {
      return (await this.#options.events?.preview?.(this.#engine, this.#model, this.#options.data)) ?? []
    } catch (error) {
      if (error instanceof DiffWaveError && error.code === 'NOT_FINITE') return []
      throw error
    }
  }

  async #save(): Promise<void> {
    this.#optimiser.catchUp(this.#state)
    const moments = [...this.#state.adam.moments.values()]
    // A squared gradient may overflow. The weight of an infinite moment would never change again.
    if (!moments.every(({ first, second }) => allFinite(first) && allFinite(second))) {
      throw await this.#rollBack('the optimiser’s moments are not finite')
    }
    await this.#lock.assertHeld()
    await writeCheckpoint(this.#options.out, this.#state, this.#progress)
    await this.#writeModel(lastModelPath(this.#options.out))
  }

  /**
   * Returns to the last good checkpoint and exports its model again.
   *
   * @param problem why, as a short clause
   * @returns the error to end with
   */
  async #rollBack(problem: string): Promise<DiffWaveError> {
    const { out } = this.#options
    const where = `step ${this.#progress.step}`
    if (!(await hasCheckpoint(out))) {
      return new DiffWaveError('DIVERGED', `${problem}, before the first checkpoint`, {
        where,
        hint: 'Lower the learning rate, or look for damaged recordings.',
      })
    }
    await this.#lock.assertHeld()
    const { state, progress } = await readCheckpoint(out, new Adam())
    this.#state = state
    this.#progress = progress
    await this.#writeModel(lastModelPath(out))
    return new DiffWaveError('DIVERGED', `${problem}: rolled back to the checkpoint of step ${progress.step}`, {
      where,
      hint: `Lower the learning rate, and start a new run from the model ${lastModelPath(out)} (from, --from).`,
    })
  }

  #writeModel(folder: string): Promise<void> {
    return writeRunModel(folder, { config: this.#model, parameters: this.#state.average }, this.#progress)
  }
}
