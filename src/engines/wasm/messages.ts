/**
 * Messages between an engine and its worker threads. One worker runs the kernels' instance and answers calls; the
 * others wait inside the same module, on the same memory, for the tasks that the first one shares out.
 */
import type { MemorySize } from './memory.js'
import type { WasmMemory, WasmModule } from './webassembly.js'

/** What the worker of an engine is started with. */
export interface EngineStart {
  readonly role: 'engine'
  readonly module: WasmModule
  /** Shared with the engine and further threads; or the size of one of the worker's own, which cannot be sent. */
  readonly memory: WasmMemory | MemorySize
  /** Further threads that will be started: the worker lays out their stacks. */
  readonly helpers: number
}

/** Where a helper's stack ends and its thread-local variables begin, as addresses. */
export interface HelperPlace {
  readonly stack: number
  readonly locals: number
}

/** What a further thread is started with. */
export interface HelperStart extends HelperPlace {
  readonly role: 'helper'
  readonly module: WasmModule
  readonly memory: WasmMemory
  readonly number: number
}

export type WorkerStart = EngineStart | HelperStart

/** A worker can be used. */
export interface Ready {
  readonly ready: true
  /** Of an engine's worker. */
  readonly helpers?: readonly HelperPlace[]
  /** Address of the byte that stops work. */
  readonly cancelFlag?: number
  /** The binding's constants. */
  readonly constants?: Readonly<Record<string, number>>
}

/**
 * A value of a call as it crosses to the worker. Arrays are copied into the kernels' memory there; an array that the
 * kernels write (`room`) is not sent, only its length.
 */
export type Encoded =
  | number
  | boolean
  | string
  | undefined
  | readonly Encoded[]
  | { readonly array: Float32Array | Float64Array }
  | { readonly room: number }
  | { readonly parameters: Float32Array | 'kept' }
  | { readonly cancelFlag: true }
  | { readonly object: Readonly<Record<string, Encoded>> }

/** `clip`: the number of an open stream or frame chain, which the engine's side gives. */
export type Call =
  | { readonly call: 'offerThreads'; readonly threads: number }
  | { readonly call: 'create'; readonly request: Encoded }
  | { readonly call: 'run' | 'runForward' | 'runBackward'; readonly work: Encoded }
  | { readonly call: 'openStream' | 'openFrameChain'; readonly clip: number; readonly arguments: readonly Encoded[] }
  | { readonly call: 'predict' | 'pushFrameChain'; readonly clip: number; readonly work: Encoded }
  | { readonly call: 'closeStream' | 'closeFrameChain'; readonly clip: number }

/** A call, with the number that its answer has. */
export interface NumberedCall {
  readonly id: number
  readonly call: Call
}

/** The answer: the result and what was written to the arrays with room, in the order of the call. */
export type Answer =
  | { readonly id: number; readonly result: number; readonly written: readonly Float32Array[] }
  | { readonly id: number; readonly failure: string }

/** A worker did not start. */
export interface StartFailure {
  readonly startFailure: string
}
