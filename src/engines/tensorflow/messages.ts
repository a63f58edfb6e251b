/**
 * Messages between the engine and its worker thread. Arrays are copied, or transferred if they are not needed again.
 */
import type { SentError } from '../../core/sent-error.js'
import type { Tensor } from '../../core/tensor.js'
import type { NetworkConfig } from '../../model/network.js'
import type { LossGradients, LossRequest } from '../engine.js'
import type { WindowRequest } from '../windowed/windows.js'
import type { BackendName } from './backend-names.js'
import type { StopFlag } from './stop-flag.js'

/** The data with which the worker starts. */
export interface WorkerStart {
  readonly backend: BackendName
  readonly network: NetworkConfig
  readonly parameters: ReadonlyMap<string, Tensor>
}

/** A batch, with the envelopes that the engine has computed from its mels. */
export interface LossWork extends Omit<LossRequest, 'signal'> {
  /** E of each clip, `[positions × bins]`, if the front end has an envelope. */
  readonly deviations: readonly Float32Array[] | null
}

export type WorkerTask =
  | { readonly kind: 'window'; readonly request: WindowRequest }
  | { readonly kind: 'loss'; readonly request: LossWork }
  | { readonly kind: 'parameters'; readonly parameters: ReadonlyMap<string, Tensor> }
  | { readonly kind: 'memory' }

/** A message to the worker. */
export interface WorkerMessage {
  readonly id: number
  readonly task: WorkerTask
  /** Stops the work; null if nothing can. */
  readonly stop: StopFlag | null
}

export type WorkerResult =
  | { readonly kind: 'window'; readonly output: Float32Array }
  | { readonly kind: 'loss'; readonly result: LossGradients }
  | { readonly kind: 'parameters' }
  | { readonly kind: 'memory'; readonly tensors: number }

export type WorkerReply =
  | { readonly id: number; readonly result: WorkerResult }
  | { readonly id: number; readonly failure: SentError }
