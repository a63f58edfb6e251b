/**
 * A work is one operation of the service, such as `vocode`: its options, and the function that does it. Routes, jobs
 * and workers on other machines all run the same works. A work knows nothing about HTTP.
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

/** Takes the results of a work. */
export interface Output {
  /** Starts a file, and completes the one before it. The result of a work is named `result` with an ending. */
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

/** What every work can use. */
export interface WorkTools {
  readonly models: ModelCache
  readonly decoders: DecoderPool
  readonly limits: ServiceLimits
}

/** One run of a work. */
export interface WorkRun<Options> extends WorkTools {
  readonly options: Options
  /** The body of the request; empty if the work takes none. */
  readonly body: Uint8Array
  readonly signal: AbortSignal
  readonly onProgress: OnProgress
  readonly output: Output
}

/** What a work takes in its body. */
export type BodyKind = 'mel or recording' | 'recording' | 'optional mel or recording' | 'none'

export interface Work<Schema extends z.ZodObject = z.ZodObject> {
  /** Name of the route and of the kind of job. */
  readonly name: string
  /** A noun phrase for the documentation. */
  readonly summary: string
  /** Further sentences for the documentation. */
  readonly details: string
  readonly body: BodyKind
  /** Media type of the result. */
  readonly result: 'audio/wav' | 'application/octet-stream' | 'application/json'
  /** Whether it runs only as a job, because it has several results. */
  jobOnly(options: z.output<Schema>): boolean
  readonly options: Schema
  /** The kind of model to use if the options name none; null if the work needs no model. */
  modelKind(options: z.output<Schema>, hasBody: boolean): ModelConfig['kind'] | null
  /** @throws DiffWaveError, Refusal and KnownProblem: see problem.ts */
  run(run: WorkRun<z.output<Schema>>): Promise<void>
}

/** Infers the type of a work's options. */
export function defineWork<Schema extends z.ZodObject>(work: Work<Schema>): Work {
  return work as unknown as Work
}
