/** The training loop: batches to an engine, gradients to Adam, checkpoints and a log on the way. It knows engines by their interface only. */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { DiffWaveError } from '../core/errors.js'
import { makeFolder } from '../core/files.js'
import { removeAbandoned } from '../core/temporary.js'
import type { Tensors } from '../core/tensor.js'
import type { Engine } from '../engines/engine.js'
import type { ModelConfig } from '../model/config.js'
import { writeModelFolder } from '../model/folder.js'
import { learningRate } from './config.js'
import { BatchMaker } from './data/batch.js'
import type { Dataset } from './data/dataset.js'
import { Objective } from './objective/objective.js'
import { Adam } from './optimiser/adam.js'
import { addGradients, clipGradients, scaleGradients, updateAverage } from './optimiser/gradients.js'
import { hasCheckpoint, type Position, readCheckpoint, type TrainingState, writeCheckpoint } from './run/checkpoint.js'
import { EventLog, type Summary } from './run/event-log.js'
import { type FolderLock, lockFolder } from './run/lock.js'
import { appendMetrics } from './run/metrics-log.js'
import { type StartOptions, start } from './run/start.js'
import { validate } from './validation.js'

/** What one update did. */
export interface StepReport {
  readonly step: number
  readonly totalSteps: number
  readonly loss: number
  readonly gradientNorm: number
  readonly learningRate: number
  /** Of audio, since this process started. */
  readonly samplesPerSecond: number
  /** Until totalSteps or the limit on steps. */
  readonly secondsLeft: number
}

export interface TrainOptions extends StartOptions {
  /** Makes the engine for the weights to start from. */
  readonly createEngine: (model: ModelConfig, weights: Tensors) => Promise<Engine>
  /** Stops once this many updates have been made in all. */
  readonly maxSteps?: number
  /** Stops after this many hours of this process. */
  readonly maxHours?: number
  /** Finishes the step, saves and returns. */
  readonly signal?: AbortSignal
  /** Seconds, from any origin. */
  readonly clock: () => number
  /** Writes TensorBoard event files, too: scalars, and with each validation what the model sounds like. */
  readonly events?: {
    /** Seconds since 1970. */
    readonly now: () => number
    /** What to hear of the model so far; the engine has the average of weights. */
    readonly listen: (engine: Engine, model: ModelConfig, data: Dataset) => Promise<readonly Summary[]>
  }
  readonly onStep?: (report: StepReport) => void
  readonly onValidation?: (step: number, loss: number) => void
}

export interface TrainSummary {
  readonly step: number
  readonly loss: number | null
  readonly bestValidation: number | null
  readonly seconds: number
  readonly stoppedBy: 'total-steps' | 'max-steps' | 'max-hours' | 'signal'
}

function scalar(tag: string, value: number): Summary {
  return { kind: 'scalar', tag, value }
}

/** Updates in a row that may have no finite gradient. */
const MAX_BROKEN_STEPS = 5

/**
 * Trains, and leaves in `out`: checkpoint.safetensors, model/ (the average of weights), best/ (that of the lowest validation
 * loss) and metrics.jsonl.
 *
 * @throws DiffWaveError `LOCKED`, `BAD_DATA` (the recordings changed since the checkpoint), `BAD_CONFIG` (the config did),
 * `DIVERGED`, `DISK_FULL`, `BAD_OPTION`. How the model is named and sampled may change from one resumption to the next, and
 * `totalSteps`, so that a run can be made longer or brought to its end.
 */
export async function train(options: TrainOptions): Promise<TrainSummary> {
  await makeFolder(options.out)
  const lock = await lockFolder(options.out)
  try {
    // Whoever wrote here is dead, or there would be no lock to take.
    for (const folder of ['', 'model', 'best', 'cache']) await removeAbandoned(join(options.out, folder), true)
    return await new Run(options, await start(options), lock).go()
  } finally {
    await lock.release()
  }
}

/** One process's part of a training run. */
class Run {
  readonly #maker: BatchMaker
  readonly #objective: Objective
  readonly #model: ModelConfig
  #state: TrainingState
  readonly #began: number
  readonly #events: EventLog | null
  #position: Position
  #broken = 0
  #loss: number | null = null
  #averageLags = false

  constructor(
    private readonly options: TrainOptions,
    { state, position }: { state: TrainingState; position: Position },
    private readonly lock: FolderLock,
  ) {
    this.#model = position.model
    this.#state = state
    this.#position = position
    this.#maker = new BatchMaker(options.config, this.#model, options.data.training)
    this.#objective = new Objective(options.config)
    this.#began = options.clock()
    this.#events = options.events === undefined ? null : new EventLog(options.out, options.events.now)
  }

  async go(): Promise<TrainSummary> {
    const { config } = this.options
    const engine = await this.options.createEngine(this.#model, this.#state.weights)
    const firstStep = this.#position.step
    const secondsBefore = this.#position.seconds
    try {
      let batch = this.#nextBatches(firstStep)
      while (true) {
        const stoppedBy = this.#stop()
        if (stoppedBy !== null) {
          await this.#save()
          const { step, best, seconds } = this.#position
          return { step, loss: this.#loss, bestValidation: best, seconds, stoppedBy }
        }
        const running = this.#gradients(engine, batch)
        running.catch(() => undefined) // awaited below
        // While the engine works on this batch (it starts once we yield), the average catches up and the next one is made.
        await setImmediate()
        this.#catchUp()
        const next = this.#nextBatches(this.#position.step + 1)
        const { loss, gradients, byLevel } = await running
        const { rate, norm } = await this.#update(engine, loss, gradients)
        batch = next
        const elapsed = this.options.clock() - this.#began
        const { batch: size, accumulation, cropSamples } = config.data
        const step = this.#position.step + 1
        this.#position = {
          ...this.#position,
          step,
          optimiserStep: this.#state.adam.step,
          seconds: secondsBefore + elapsed,
          samplesSeen: this.#position.samplesSeen + size * accumulation * cropSamples,
        }
        const perStep = elapsed / (step - firstStep)
        const last = Math.min(config.optimiser.totalSteps, this.options.maxSteps ?? Number.POSITIVE_INFINITY)
        const report = {
          step,
          totalSteps: last,
          loss,
          gradientNorm: norm,
          learningRate: rate,
          samplesPerSecond: (size * accumulation * cropSamples) / perStep,
          secondsLeft: (last - step) * perStep,
        }
        this.options.onStep?.(report)
        if (step % config.every.log === 0) {
          await appendMetrics(this.options.out, {
            step,
            loss,
            gradientNorm: norm,
            learningRate: rate,
            samplesPerSecond: Math.round(report.samplesPerSecond),
            seconds: Math.round(this.#position.seconds),
            byLevel,
          })
          await this.#events?.write(step, [
            scalar('loss', loss),
            scalar('gradient norm', norm),
            scalar('learning rate', rate),
          ])
        }
        if (step % config.every.validation === 0) await this.#validate(engine)
        // Amid updates without a finite gradient nothing is saved: the checkpoint before is the last good one.
        if (step % config.every.checkpoint === 0 && this.#broken === 0) await this.#save()
      }
    } finally {
      await engine.dispose()
    }
  }

  #stop(): TrainSummary['stoppedBy'] | null {
    const { config, maxSteps, maxHours, signal, clock } = this.options
    if (signal?.aborted) return 'signal'
    if (this.#position.step >= config.optimiser.totalSteps) return 'total-steps'
    if (maxSteps !== undefined && this.#position.step >= maxSteps) return 'max-steps'
    if (maxHours !== undefined && clock() - this.#began >= maxHours * 3600) return 'max-hours'
    return null
  }

  #nextBatches(step: number) {
    const { accumulation } = this.options.config.data
    return Array.from({ length: accumulation }, (_, part) => this.#maker.batch(step * accumulation + part))
  }

  /** Mean loss and gradients over the parts of one update; a loss that the engine calls not finite is NaN. */
  async #gradients(engine: Engine, batches: readonly ReturnType<BatchMaker['batch']>[]) {
    const byLevel: [number, number][] = []
    let total: Map<string, Float32Array> | null = null
    let sum = 0
    for (const batch of batches) {
      try {
        const { loss, clipLosses, gradients } = await this.#objective.differentiate(engine, batch)
        sum += loss
        clipLosses.forEach((clipLoss, i) => {
          byLevel.push([Number(batch.steps[i]!.toFixed(2)), Number(clipLoss.toPrecision(4))])
        })
        if (total === null) total = new Map(gradients)
        else addGradients(total, gradients)
      } catch (error) {
        if (!(error instanceof DiffWaveError) || error.code !== 'NOT_FINITE') throw error
        sum = Number.NaN
      }
    }
    const gradients = total ?? new Map<string, Float32Array>()
    scaleGradients(gradients, 1 / batches.length)
    return { loss: sum / batches.length, gradients, byLevel }
  }

  async #update(engine: Engine, loss: number, gradients: Map<string, Float32Array>) {
    const { optimiser } = this.options.config
    const rate = learningRate(optimiser, this.#position.step)
    const norm = clipGradients(gradients, optimiser.clipNorm)
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
      this.#broken++
      if (this.#broken >= MAX_BROKEN_STEPS) throw await this.#rollBack()
      return { rate, norm }
    }
    this.#broken = 0
    this.#loss = loss
    this.#catchUp()
    const { weights, adam } = this.#state
    adam.update(weights, gradients, rate)
    this.#averageLags = true
    await engine.setParameters(weights)
    return { rate, norm }
  }

  /** Takes the last update into the average of weights, unless that was done. */
  #catchUp(): void {
    if (!this.#averageLags) return
    this.#averageLags = false
    const { weights, average, adam } = this.#state
    updateAverage(average, weights, this.options.config.optimiser.averageDecay, adam.step - 1)
  }

  async #validate(engine: Engine): Promise<void> {
    const { config, data, out } = this.options
    if (data.validation.length === 0) return
    this.#catchUp()
    await engine.setParameters(this.#state.average)
    const { loss, byLevel } = await validate(engine, this.#maker, this.#objective, config, this.#model, data.validation)
    const { step, best } = this.#position
    if (this.#events !== null && this.options.events !== undefined) {
      const heard = await this.options.events.listen(engine, this.#model, data)
      await this.#events.write(step, [scalar('validation loss', loss), ...heard])
    }
    await engine.setParameters(this.#state.weights)
    await appendMetrics(out, { step, validationLoss: loss, validationByLevel: byLevel })
    if (Number.isFinite(loss) && (best === null || loss < best)) {
      this.#position = { ...this.#position, best: loss }
      await this.#export('best')
    }
    this.options.onValidation?.(step, loss)
  }

  async #save(): Promise<void> {
    this.#catchUp()
    await this.lock.assertHeld()
    await writeCheckpoint(this.options.out, this.#state, this.#position)
    await this.#export('model')
  }

  /** Goes back to the last good checkpoint, of which `model/` is made again; gives the error to stop with. */
  async #rollBack(): Promise<DiffWaveError> {
    const { out } = this.options
    const problem = `${this.#broken} updates in a row had no finite gradient`
    const where = `step ${this.#position.step}`
    if (!(await hasCheckpoint(out))) {
      return new DiffWaveError('DIVERGED', `${problem}, before the first checkpoint`, {
        where,
        hint: 'Lower the learning rate, or look for recordings that are not as they should be.',
      })
    }
    const { state, position } = await readCheckpoint(out, new Adam())
    this.#state = state
    this.#position = position
    await this.#export('model')
    return new DiffWaveError('DIVERGED', `${problem}: rolled back to the checkpoint of step ${position.step}`, {
      where,
      hint: `Lower the learning rate and start from its model: --from ${join(out, 'model')}`,
    })
  }

  #export(name: string): Promise<void> {
    const { step, seconds, samplesSeen, data } = this.#position
    const provenance = {
      ...this.#model.provenance,
      trainedWith: 'diffwave train',
      steps: step,
      hours: Number((seconds / 3600).toFixed(2)),
      samplesSeen,
      dataFingerprint: data,
    }
    const config = { ...this.#model, provenance }
    return writeModelFolder(join(this.options.out, name), { config, parameters: this.#state.average })
  }
}
