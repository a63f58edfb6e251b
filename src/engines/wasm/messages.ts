/**
 * Messages between an engine and its worker threads. One worker runs the instance of the kernels and answers calls. The
 * others wait inside the same module, in the same memory, for tasks from the first one.
 */
import type { MemorySize } from './memory.js'
import type { WasmMemory, WasmModule } from './webassembly.js'

/** The data with which the worker of an engine starts. */
export interface EngineStart {
  readonly role: 'engine'
  readonly module: WasmModule
  /** The memory shared by all threads, or the size of the worker's own memory, since an unshared one cannot be sent. */
  readonly memory: WasmMemory | MemorySize
  /** Number of further threads that will be started. The worker places their stacks. */
  readonly helpers: number
}

/** The addresses at which the stack of a further thread ends and its thread-local variables begin. */
export interface HelperPlace {
  readonly stack: number
  readonly locals: number
}

/** The data with which a further thread starts. */
export interface HelperStart extends HelperPlace {
  readonly role: 'helper'
  readonly module: WasmModule
  readonly memory: WasmMemory
  readonly number: number
}

export type WorkerStart = EngineStart | HelperStart

/** A worker is ready. */
export interface Ready {
  readonly ready: true
  /** Only from the worker of an engine. */
  readonly helpers?: readonly HelperPlace[]
  /** Address of the byte that stops the work. */
  readonly cancelFlag?: number
  /** The binding's constants. */
  readonly constants?: Readonly<Record<string, number>>
}

/**
 * A value of a call in the form in which it is sent. Arrays are copied into the memory of the kernels. For an array
 * that the kernels write (`room`), only its length is sent.
 *
 * Arrays are sent as buffers, not as views: Deno visits each number of a view that it receives, which takes more than a
 * second for the weights of a model.
 */
export type Encoded =
  | number
  | boolean
  | string
  | undefined
  | readonly Encoded[]
  | { readonly floats: ArrayBufferLike }
  | { readonly doubles: ArrayBufferLike }
  | { readonly room: number }
  | { readonly parameters: ArrayBufferLike | 'kept' }
  | { readonly cancelFlag: true }
  | { readonly object: Readonly<Record<string, Encoded>> }

/** `clip` is the number of an open stream or frame chain, which the engine assigns. */
export type Call =
  | { readonly call: 'offerThreads'; readonly threads: number }
  | { readonly call: 'create'; readonly request: Encoded }
  | { readonly call: 'run' | 'runForward' | 'runBackward'; readonly work: Encoded }
  | { readonly call: 'openStream' | 'openFrameChain'; readonly clip: number; readonly arguments: readonly Encoded[] }
  | { readonly call: 'predict' | 'pushFrameChain'; readonly clip: number; readonly work: Encoded }
  | { readonly call: 'closeStream' | 'closeFrameChain'; readonly clip: number }

/** A call with a number, which its answer repeats. */
export interface NumberedCall {
  readonly id: number
  readonly call: Call
}

/** The answer: the result, and the content of the arrays that were written, in the order of the call. */
export type Answer =
  | { readonly id: number; readonly result: number; readonly written: readonly ArrayBuffer[] }
  | { readonly id: number; readonly failure: string }

/** A worker did not start, or was stopped by a trap, which leaves the memory that all share in an unknown state. */
export interface WorkerFailure {
  readonly workerFailure: string
}
