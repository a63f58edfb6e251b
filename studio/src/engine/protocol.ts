/** Messages between the page and the worker in which the engine runs. */
import type { StudioModel } from '../backend/studio-backend.js'
import type { ProblemClauses } from '../core/problem.js'

/** A file as the worker takes it: its bytes, or a recording that the browser has decoded. */
export type EngineFile =
  | { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly name: string; readonly samples: Float32Array<ArrayBuffer>; readonly sampleRate: number }

/** A model that the page offers. */
export interface OfferedModel {
  /** By which views ask for it. */
  readonly name: string
  /** Of the model folder, absolute. */
  readonly url: string
}

/** What the worker answers about the models. */
export interface ListedModels {
  readonly models: readonly StudioModel[]
  /** Why others cannot be used. */
  readonly problems: readonly ProblemClauses[]
}

/** To the worker, first of all. */
export interface Offer {
  readonly kind: 'offer'
  readonly models: readonly OfferedModel[]
}

/** To the worker: an operation to do. */
export interface Ask {
  readonly kind: 'ask'
  readonly id: number
  readonly operation: string
  readonly order: unknown
}

/** To the worker: stop it. */
export interface Stop {
  readonly kind: 'stop'
  readonly id: number
}

export type ToWorker = Offer | Ask | Stop

/** From the worker: something on the way, as `progress` or `step`. */
export interface Happening {
  readonly kind: 'event'
  readonly id: number
  readonly name: string
  readonly value: unknown
}

/** From the worker: the end of the operation. */
export type Ending =
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'problem'; readonly id: number; readonly problem: ProblemClauses }

export type FromWorker = Happening | Ending

/** Buffers of the sounds in a value that is posted: they move instead of being copied. */
export function buffersOf(value: unknown, found: Set<ArrayBuffer> = new Set()): readonly ArrayBuffer[] {
  if (value instanceof Float32Array) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer)
  } else if (value instanceof Map) for (const entry of value.values()) buffersOf(entry, found)
  else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    for (const entry of Object.values(value)) buffersOf(entry, found)
  }
  return [...found]
}
