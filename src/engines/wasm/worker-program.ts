/** The program of a worker in Node.js and in a browser. It answers an engine's calls, or is a further thread. */
import { OUT_OF_MEMORY } from '../native/results.js'
import { instantiate } from './instance.js'
import { makeMemory } from './memory.js'
import type {
  Answer,
  Call,
  Encoded,
  EngineStart,
  HelperPlace,
  HelperStart,
  NumberedCall,
  WorkerFailure,
  WorkerStart,
} from './messages.js'
import { type BoundFunction, type External, HeapArray } from './node-api.js'
import { type WasmMemory, WebAssembly } from './webassembly.js'

/** The worker's side of the channel. */
export interface WorkerChannel {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void
  onMessage(handle: (message: unknown) => void): void
}

/** Size of the stack of a further thread in bytes. The kernels keep register blocks and tables of rows there. */
const STACK_SIZE = 2 ** 18
const STACK_ALIGNMENT = 16

/** Reads the first message and takes the role that it names. */
export function runWorker(channel: WorkerChannel): void {
  let engine: EngineWorker | undefined
  const fail = (error: unknown) => channel.post({ workerFailure: reasonOf(error) } satisfies WorkerFailure)
  channel.onMessage(message => {
    if (engine !== undefined) {
      const { id, call } = message as NumberedCall
      try {
        const { answer, transfer } = engine.answer(id, call)
        channel.post(answer, transfer)
      } catch (trap) {
        fail(trap)
      }
      return
    }
    const start = message as WorkerStart
    const begun =
      start.role === 'helper'
        ? help(channel, start)
        : EngineWorker.start(start).then(started => {
            engine = started
            channel.post({ ready: true, ...started.description })
          })
    begun.catch(fail)
  })
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Waits for tasks and never returns. A trap rejects it. */
async function help(channel: WorkerChannel, { module, memory, number, stack, locals }: HelperStart): Promise<void> {
  const { exports } = await instantiate(module, memory)
  exports.__stack_pointer.value = stack
  exports.__wasm_init_tls(locals)
  channel.post({ ready: true })
  exports.diffwaveThread(number)
}

type Instance = Awaited<ReturnType<typeof instantiate>>

/** An answer with the buffers that go with it. */
interface Posted {
  readonly answer: Answer
  readonly transfer: readonly ArrayBuffer[]
}

/** The kernels of one engine. */
class EngineWorker {
  readonly #memory: WasmMemory
  readonly #exports: Instance['exports']
  readonly #functions: Readonly<Record<string, BoundFunction>>
  readonly #helpers: readonly HelperPlace[]
  readonly #cancelFlag: number
  #engine: unknown
  /** Open streams and frame chains. */
  readonly #clips = new Map<number, External>()
  /** The parameters of the last call with parameters. */
  #parameters: HeapArray | undefined
  /** The arrays of the current call, and those of them that are sent back. */
  #arrays: number[] = []
  #written: HeapArray[] = []

  private constructor(memory: WasmMemory, { exports, api }: Instance, helpers: number) {
    this.#memory = memory
    this.#exports = exports
    exports._initialize()
    this.#functions = api.register(exports)
    this.#cancelFlag = this.#allocate(1)
    this.#helpers = Array.from({ length: helpers }, () => {
      const size = Number(exports.__tls_size.value)
      const alignment = Math.max(Number(exports.__tls_align.value), STACK_ALIGNMENT)
      const block = this.#allocate(STACK_SIZE + size + alignment)
      const stack = block + STACK_SIZE
      return { stack, locals: Math.ceil(stack / alignment) * alignment }
    })
  }

  static async start({ module, memory: given, helpers }: EngineStart): Promise<EngineWorker> {
    const memory = 'buffer' in given ? given : makeMemory(given, false)
    return new EngineWorker(memory, await instantiate(module, memory), helpers)
  }

  get description() {
    return {
      helpers: this.#helpers,
      cancelFlag: this.#cancelFlag,
      constants: this.#functions['constants']!() as Record<string, number>,
    }
  }

  #allocate(bytes: number): number {
    const address = this.#exports.malloc(bytes) >>> 0
    if (address === 0) throw new OutOfMemory()
    return address
  }

  /** @throws WebAssembly.RuntimeError for a trap */
  answer(id: number, call: Call): Posted {
    const posted = this.#answer(id, call)
    // Not after a trap: it may have left the heap locked for ever.
    for (const address of this.#arrays) this.#exports.free(address)
    this.#arrays = []
    this.#written = []
    return posted
  }

  #answer(id: number, call: Call): Posted {
    try {
      const result = this.#perform(call)
      const written = this.#written.map(
        ({ address, length }) => new Float32Array(new Float32Array(this.#memory.buffer, address, length)).buffer,
      )
      return { answer: { id, result, written }, transfer: written }
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error
      if (error instanceof OutOfMemory) return { answer: { id, result: OUT_OF_MEMORY, written: [] }, transfer: [] }
      return { answer: { id, failure: reasonOf(error) }, transfer: [] }
    }
  }

  #perform(call: Call): number {
    const bound = this.#functions
    switch (call.call) {
      case 'offerThreads':
        this.#exports.diffwaveOfferThreads(call.threads)
        return 0
      case 'create':
        this.#engine = bound['create']!(this.#decode(call.request))
        return 0
      case 'run':
      case 'runForward':
      case 'runBackward':
        return bound[call.call]!(this.#engine, this.#decode(call.work)) as number
      case 'openStream':
      case 'openFrameChain': {
        const opened = bound[call.call]!(this.#engine, ...call.arguments.map(value => this.#decode(value)))
        this.#clips.set(call.clip, opened as External)
        return 0
      }
      case 'predict':
      case 'pushFrameChain':
        return bound[call.call]!(this.#engine, this.#clips.get(call.clip), this.#decode(call.work)) as number
      case 'closeStream':
      case 'closeFrameChain': {
        const clip = this.#clips.get(call.clip)
        this.#clips.delete(call.clip)
        bound[call.call]!(this.#engine, clip)
        clip?.free()
        return 0
      }
    }
  }

  #decode(value: Encoded): unknown {
    if (typeof value !== 'object') return value
    if (isList(value)) return value.map(item => this.#decode(item))
    if ('object' in value) {
      return Object.fromEntries(Object.entries(value.object).map(([name, item]) => [name, this.#decode(item)]))
    }
    if ('cancelFlag' in value) return new HeapArray('uint8', this.#cancelFlag, 1)
    if ('parameters' in value) {
      if (value.parameters === 'kept') {
        // An earlier call had no room for them.
        if (this.#parameters === undefined) throw new OutOfMemory()
        return this.#parameters
      }
      if (this.#parameters !== undefined) this.#exports.free(this.#parameters.address)
      this.#parameters = undefined
      this.#parameters = this.#place(new Float32Array(value.parameters))
      return this.#parameters
    }
    if ('floats' in value || 'doubles' in value) {
      const array = this.#place('floats' in value ? new Float32Array(value.floats) : new Float64Array(value.doubles))
      this.#arrays.push(array.address)
      return array
    }
    const array = new HeapArray('float32', this.#allocate(value.room * 4), value.room)
    this.#arrays.push(array.address)
    this.#written.push(array)
    return array
  }

  /** Copies an array into the memory of the instance. */
  #place(data: Float32Array | Float64Array): HeapArray {
    const address = this.#allocate(data.byteLength)
    if (data instanceof Float64Array) {
      new Float64Array(this.#memory.buffer, address, data.length).set(data)
      return new HeapArray('float64', address, data.length)
    }
    new Float32Array(this.#memory.buffer, address, data.length).set(data)
    return new HeapArray('float32', address, data.length)
  }
}

function isList(value: object): value is readonly Encoded[] {
  return Array.isArray(value)
}

/** The memory of the instance cannot grow as far as a call needs. */
class OutOfMemory extends Error {}
