/** What the routes of a service share. */
import type { Uploads } from './http/uploads.js'
import type { Jobs } from './jobs/jobs.js'
import type { Metrics } from './metrics.js'
import type { OperationTools } from './operations/operation.js'
import type { CheckedOptions } from './options.js'
import type { WorkQueue } from './queue.js'
import type { TrainingRuns } from './training-runs.js'

export interface ServiceState {
  readonly options: CheckedOptions
  readonly tools: OperationTools
  readonly queue: WorkQueue
  readonly uploads: Uploads
  readonly jobs: Jobs
  readonly runs: TrainingRuns
  readonly metrics: Metrics
  /** Whether it takes new work. */
  isReady(): boolean
}
