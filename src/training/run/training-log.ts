/** The log of a training run: lines of `metrics.jsonl` and, if wanted, events for TensorBoard. */
import type { Summary } from '../../formats/tfevents-writer.js'
import type { Validation } from '../validation.js'
import { EventLog } from './event-log.js'
import type { LossByLevel } from './mean-gradients.js'
import { appendMetrics } from './metrics-log.js'
import type { TrainingStep } from './training-step.js'

/** The numbers of an update that are logged. */
type LoggedStep = Pick<TrainingStep, 'step' | 'loss' | 'gradientNorm' | 'learningRate' | 'samplesPerSecond'>

export class TrainingLog {
  readonly #folder: string
  readonly #events: EventLog | null

  /** @param now wall time in seconds since 1970; null for no events */
  constructor(folder: string, now: (() => number) | null) {
    this.#folder = folder
    this.#events = now === null ? null : new EventLog(folder, now)
  }

  /**
   * Logs an update.
   *
   * @param seconds training time of the whole run so far
   * @throws DiffWaveError `DISK_FULL`, `NOT_WRITABLE`
   */
  async writeStep(report: LoggedStep, seconds: number, byLevel: LossByLevel): Promise<void> {
    const { step, loss, gradientNorm, learningRate, samplesPerSecond } = report
    await appendMetrics(this.#folder, {
      step,
      loss,
      gradientNorm,
      learningRate,
      samplesPerSecond: Math.round(samplesPerSecond),
      seconds: Math.round(seconds),
      byLevel,
    })
    await this.#events?.write(step, [
      scalar('loss', loss),
      scalar('gradient norm', gradientNorm),
      scalar('learning rate', learningRate),
    ])
  }

  /**
   * Logs a validation.
   *
   * @param preview what the model sounds like, for TensorBoard
   * @throws DiffWaveError `DISK_FULL`, `NOT_WRITABLE`
   */
  async writeValidation(step: number, { loss, byLevel }: Validation, preview: readonly Summary[]): Promise<void> {
    await this.#events?.write(step, [scalar('validation loss', loss), ...preview])
    await appendMetrics(this.#folder, { step, validationLoss: loss, validationByLevel: byLevel })
  }
}

function scalar(tag: string, value: number): Summary {
  return { kind: 'scalar', tag, value }
}
