/**
 * A kind of work: what a client may ask for, and how it is done. Routes, jobs and workers on other machines all run
 * the same works; none of them knows HTTP.
 */
import type { z } from 'zod'
import type { OnProgress } from '../../core/progress.js'
import type { ModelConfig } from '../../model/config.js'
import type { DecoderPool } from '../decoding/decoder-pool.js'
import type { ServiceLimits } from '../limits.js'
import type { ModelCache } from '../model-cache.js'

/** Plain facts, as JSON holds them. */
export type Facts = Readonly<Record<string, unknown>>

/** What comes before the bytes of a file. */
export interface FileHead {
  /** Name among the files of a job, as `result.wav`. */
  readonly name: string
  /** Media type. */
  readonly type: string
  /** Bytes, if known beforehand. */
  readonly bytes: number | null
  /** What is known about it: seed, steps, sample rate, … */
  readonly facts: Facts
}

/** Where a work's results go. */
export interface Output {
  /** Starts a file; the one before it is complete. The result's name is `result` and an ending. */
  open(head: FileHead): void
  /** Adds bytes to the file. @returns when more may come: a slow reader slows the work down */
  write(bytes: Uint8Array): Promise<void>
  /** Something that happened on the way, as a reverse step. */
  event(name: string, facts: Facts): void
}

/** What works have at hand. */
export interface WorkTools {
  readonly models: ModelCache
  readonly decoders: DecoderPool
  readonly limits: ServiceLimits
}

/** One run of a work. */
export interface WorkRun<Options> extends WorkTools {
  readonly options: Options
  /** The request's body; empty if the work takes none. */
  readonly body: Uint8Array
  readonly signal: AbortSignal
  readonly onProgress: OnProgress
  readonly output: Output
}

/** What a work takes in its body. */
export type BodyKind = 'mel or recording' | 'recording' | 'optional mel or recording' | 'none'

export interface Work<Schema extends z.ZodObject = z.ZodObject> {
  /** Names the route and the kind of job. */
  readonly name: string
  /** A noun phrase for the documentation. */
  readonly summary: string
  /** Further sentences for the documentation. */
  readonly details: string
  readonly body: BodyKind
  /** Media type of the result. */
  readonly result: 'audio/wav' | 'application/octet-stream' | 'application/json'
  /** Whether it only runs as a job, as it has several results. */
  jobOnly(options: z.output<Schema>): boolean
  readonly options: Schema
  /** The kind of model that it takes if the options name none; null if it needs none. */
  modelKind(options: z.output<Schema>, hasBody: boolean): ModelConfig['kind'] | null
  /** @throws DiffWaveError, Refusal and KnownProblem: see problem.ts */
  run(run: WorkRun<z.output<Schema>>): Promise<void>
}

/** Infers the type of a work's options. */
export function defineWork<Schema extends z.ZodObject>(work: Work<Schema>): Work {
  return work as unknown as Work
}
