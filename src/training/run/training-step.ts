/** What a training run reports: each update, and how the run ended. */

/** Report of one update. */
export interface TrainingStep {
  /** Number of updates made so far, including those of earlier parts of the run. */
  readonly step: number
  /** The update at which this part of the run ends: the config’s `totalSteps`, or `maxSteps` if that is less. */
  readonly totalSteps: number
  /** Mean loss of the batch. NaN if it was not finite; the weights then stayed as they were. */
  readonly loss: number
  /** Norm of all gradients, before clipping. */
  readonly gradientNorm: number
  /** Learning rate of this update. */
  readonly learningRate: number
  /** Mean number of audio samples per second since this process started. */
  readonly samplesPerSecond: number
  /** Estimated seconds until `totalSteps`. */
  readonly secondsLeft: number
  /** Loss on the validation clips if this step had a validation, else null. */
  readonly validationLoss: number | null
  /** Whether a checkpoint was written at this step. */
  readonly saved: boolean
}

/** How a part of a run ended. */
export interface TrainingSummary {
  /** Number of updates made so far, including those of earlier parts of the run. */
  readonly step: number
  /** Loss of the last update of this part whose loss and gradient were finite; null if there was none. */
  readonly loss: number | null
  /** Lowest validation loss of the whole run; null if there was none. */
  readonly bestValidation: number | null
  /** Training time in seconds, including earlier parts of the run. */
  readonly seconds: number
  /** The limit that ended this part of the run. */
  readonly stoppedBy: 'total-steps' | 'max-steps' | 'max-hours' | 'signal'
}
