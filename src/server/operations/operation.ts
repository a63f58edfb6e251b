/**
 * An operation is what the service does for one request, such as `vocode`: its options, and the function that does it.
 * Routes, jobs and workers on other machines all run the same operations. An operation knows nothing about HTTP.
 */
import type { z } from 'zod'
import type { OnProgress } from '../../core/progress.js'
import type { ModelConfig } from '../../model/config.js'
import type { DecoderPool } from '../decoding/decoder-pool.js'
import type { ServiceLimits } from '../limits.js'
import type { ModelCache } from '../model-cache.js'

/** Facts about a result, as plain JSON. */
export type Facts = Readonly<Record<string, unknown>>

/** What is known about a file before its bytes. */
export interface FileHead {
  /** Name among the files of a job, such as `result.wav`. */
  readonly name: string
  /** Media type. */
  readonly type: string
  /** Size in bytes; null if it is not known beforehand. */
  readonly bytes: number | null
  /** Facts about the content: seed, steps, sample rate, … */
  readonly facts: Facts
}

/** Takes the results of an operation. */
export interface Output {
  /** Starts a file, and completes the one before it. The result of an operation is named `result` with an ending. */
  open(head: FileHead): void
  /**
   * Adds bytes to the file.
   *
   * @returns a promise that resolves when more may follow, so that a slow reader slows the work down
   */
  write(bytes: Uint8Array): Promise<void>
  /** Reports something that happened meanwhile, such as a reverse step. */
  event(name: string, facts: Facts): void
}

/** What every operation can use. */
export interface OperationTools {
  readonly models: ModelCache
  readonly decoders: DecoderPool
  readonly limits: ServiceLimits
}

/** One run of an operation. */
export interface OperationRun<Options> extends OperationTools {
  readonly options: Options
  /** The body of the request; empty if the operation takes none. */
  readonly body: Uint8Array
  readonly signal: AbortSignal
  readonly onProgress: OnProgress
  readonly output: Output
}

/** What an operation takes in its body. */
export type BodyKind = 'mel or recording' | 'recording' | 'optional mel or recording' | 'none'

export interface Operation<Schema extends z.ZodObject = z.ZodObject> {
  /** Name of the route and of the kind of job. */
  readonly name: string
  /** A noun phrase for the documentation. */
  readonly summary: string
  /** Further sentences for the documentation. */
  readonly details: string
  readonly body: BodyKind
  /** Media type of the result. */
  readonly result: 'audio/wav' | 'application/octet-stream' | 'application/json'
  /** Whether it runs only as a job, because it has several results. It may depend on the options. */
  readonly jobOnly: boolean | ((options: z.output<Schema>) => boolean)
  readonly options: Schema
  /** The kind of model to use if the options name none; null if the operation needs no model. */
  modelKind(options: z.output<Schema>, hasBody: boolean): ModelConfig['kind'] | null
  /** @throws DiffWaveError, Refusal and KnownProblem: see problem.ts */
  run(run: OperationRun<z.output<Schema>>): Promise<void>
}

/** Infers the type of an operation's options. */
export function defineOperation<Schema extends z.ZodObject>(operation: Operation<Schema>): Operation {
  return operation as unknown as Operation
}
