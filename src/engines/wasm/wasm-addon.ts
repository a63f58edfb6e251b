/** The addon's interface for an instance in worker threads. Calls are messages, and arrays are copied both ways. */
import { isFloat32Array } from '../../core/any-realm.js'
import { defined } from '../../core/defined.js'
import { DiffWaveError, type ErrorDetails } from '../../core/errors.js'
import { firstLine } from '../../core/system-code.js'
import type {
  Addon,
  BatchWork,
  EngineRequest,
  FrameChainHandle,
  FrameChainShape,
  FrameChainWork,
  Handle,
  PredictWork,
  StreamHandle,
} from '../native/addon.js'
import { OUT_OF_MEMORY } from '../native/results.js'
import type { HostWorker, WasmHost } from './host.js'
import type { MemorySize } from './memory.js'
import type { Answer, Call, Encoded, NumberedCall, Ready, WorkerFailure, WorkerStart } from './messages.js'
import type { WasmMemory, WasmModule } from './webassembly.js'

/** The arrays that the kernels write, by their names in a request. */
const written: ReadonlySet<string> = new Set(['prediction', 'gradients', 'clipLosses'])

interface PendingCall {
  readonly resolve: (result: number) => void
  readonly reject: (error: DiffWaveError) => void
  readonly arrays: readonly Float32Array[]
}

/** A compiled module with the memory that its instances share, or with the size of its only instance's memory. */
export interface WasmProgram {
  readonly module: WasmModule
  readonly memory: WasmMemory | MemorySize
}

/** The instance of one engine. It serves as its own handle. */
export class WasmAddon
  implements
    Pick<Addon, 'run' | 'runForward' | 'runBackward' | 'openStream' | 'predict'>,
    Pick<Addon, 'openFrameChain' | 'pushFrameChain' | 'closeFrameChain'>
{
  readonly #waiting = new Map<number, PendingCall>()
  #nextId = 1
  #nextClip = 1
  /** The numbers of open streams and frame chains. */
  readonly #clips = new WeakMap<StreamHandle | FrameChainHandle, number>()
  #ended: DiffWaveError | undefined
  /** The parameters of which the worker keeps a copy. */
  #parameters: Float32Array | undefined

  readonly #worker: HostWorker
  readonly #helpers: HostWorker[] = []
  readonly #memory: WasmMemory | undefined
  readonly #cancelFlag: number
  readonly #constants: Readonly<Record<string, number>>

  private constructor(worker: HostWorker, { memory }: WasmProgram, ready: Ready) {
    this.#worker = worker
    this.#memory = 'buffer' in memory ? memory : undefined
    this.#cancelFlag = ready.cancelFlag!
    this.#constants = ready.constants!
    worker.onMessage(message => {
      const reply = message as Answer | WorkerFailure
      if ('workerFailure' in reply) this.#fail(reply.workerFailure)
      else this.#settle(reply)
    })
    this.#watch(worker)
  }

  /** Takes on a further thread, which sends a message only if it traps. */
  #addHelper(helper: HostWorker): void {
    this.#helpers.push(helper)
    helper.onMessage(message => this.#fail((message as WorkerFailure).workerFailure))
    this.#watch(helper)
  }

  #watch(worker: HostWorker): void {
    worker.onEnd(reason => this.#fail(reason))
    worker.keepAlive(false)
  }

  /**
   * @param threads number of threads that share the work, including the engine's own
   * @throws DiffWaveError `ENGINE_UNAVAILABLE`
   */
  static async start(host: WasmHost, program: WasmProgram, threads: number): Promise<WasmAddon> {
    const workers: HostWorker[] = []
    const begin = async (start: WorkerStart) => {
      const worker = host.startWorker()
      workers.push(worker)
      return { worker, ready: await started(worker, start, host) }
    }
    const { module, memory } = program
    try {
      const { worker, ready } = await begin({ role: 'engine', module, memory, helpers: threads - 1 })
      const addon = new WasmAddon(worker, program, ready)
      await Promise.all(
        ready.helpers!.map(async (place, number) => {
          const helper = await begin({ role: 'helper', module, memory: memory as WasmMemory, number, ...place })
          addon.#addHelper(helper.worker)
        }),
      )
      await addon.#ask({ call: 'offerThreads', threads: addon.#helpers.length })
      return addon
    } catch (error) {
      await Promise.all(workers.map(worker => worker.terminate()))
      if (error instanceof DiffWaveError) throw error
      // Node.js throws an error of its own if the system has no thread left.
      throw unavailable(firstLine(error), { cause: error })
    }
  }

  constants(): Readonly<Record<string, number>> {
    return this.#constants
  }

  /** Creates the engine in the worker. @throws DiffWaveError `ENGINE_FAILED` */
  async create(request: EngineRequest): Promise<Handle> {
    const made = await this.#ask({ call: 'create', request: this.#encode(request, []) })
    if (made === OUT_OF_MEMORY) {
      throw new DiffWaveError('ENGINE_FAILED', 'not enough memory for the wasm engine', {
        hint: 'Free some memory, or use a smaller model.',
      })
    }
    return {} as Handle
  }

  run(_: Handle, work: BatchWork): Promise<number> {
    return this.#batch('run', work)
  }

  runForward(_: Handle, work: BatchWork): Promise<number> {
    return this.#batch('runForward', work)
  }

  runBackward(_: Handle, work: BatchWork): Promise<number> {
    return this.#batch('runBackward', work)
  }

  #batch(call: 'run' | 'runForward' | 'runBackward', work: BatchWork): Promise<number> {
    const arrays: Float32Array[] = []
    return this.#ask({ call, work: this.#encode(work, arrays) }, arrays)
  }

  openStream(_: Handle, ...values: readonly unknown[]): StreamHandle {
    return this.#open('openStream', values)
  }

  predict(_: Handle, stream: StreamHandle, work: PredictWork): Promise<number> {
    return this.#advance('predict', stream, work)
  }

  closeStream(_: Handle, stream: StreamHandle): void {
    this.#close('closeStream', stream)
  }

  openFrameChain(_: Handle, shape: FrameChainShape): FrameChainHandle {
    return this.#open('openFrameChain', [shape])
  }

  pushFrameChain(_: Handle, chain: FrameChainHandle, work: FrameChainWork): Promise<number> {
    return this.#advance('pushFrameChain', chain, work)
  }

  closeFrameChain(_: Handle, chain: FrameChainHandle): void {
    this.#close('closeFrameChain', chain)
  }

  #open<Opened extends StreamHandle | FrameChainHandle>(
    call: 'openStream' | 'openFrameChain',
    values: readonly unknown[],
  ): Opened {
    const handle = {} as Opened
    const clip = this.#nextClip++
    this.#clips.set(handle, clip)
    const encoded = values.map(value => this.#encode(value, []))
    // If this fails, the first piece of the clip fails, too.
    this.#ask({ call, clip, arguments: encoded }).catch(() => undefined)
    return handle
  }

  #advance(
    call: 'predict' | 'pushFrameChain',
    handle: StreamHandle | FrameChainHandle,
    work: PredictWork | FrameChainWork,
  ): Promise<number> {
    const arrays: Float32Array[] = []
    return this.#ask({ call, clip: this.#clips.get(handle)!, work: this.#encode(work, arrays) }, arrays)
  }

  #close(call: 'closeStream' | 'closeFrameChain', handle: StreamHandle | FrameChainHandle): void {
    const clip = this.#clips.get(handle)
    if (this.#ended !== undefined || clip === undefined) return
    this.#clips.delete(handle)
    this.#ask({ call, clip }).catch(() => undefined)
  }

  cancelFlag(): Uint8Array {
    if (this.#memory === undefined) return new Uint8Array(1)
    return new Uint8Array(this.#memory.buffer, this.#cancelFlag, 1).fill(0)
  }

  async dispose(): Promise<void> {
    this.#ended ??= new DiffWaveError('DISPOSED', 'the engine was disposed')
    this.#rejectAll(this.#ended)
    await this.#terminate()
  }

  /** @param arrays receive the arrays of the answer, in order */
  #encode(value: unknown, arrays: Float32Array[], name = ''): Encoded {
    if (isFloat32Array(value)) {
      if (written.has(name)) {
        arrays.push(value)
        return { room: value.length }
      }
      if (name === 'parameters') {
        if (this.#parameters === value) return { parameters: 'kept' }
        this.#parameters = value
        return { parameters: bufferOf(value) }
      }
      return { floats: bufferOf(value) }
    }
    if (value instanceof Float64Array) return { doubles: bufferOf(value) }
    if (value instanceof Uint8Array) return { cancelFlag: true }
    if (Array.isArray(value)) return value.map(item => this.#encode(item, arrays, name))
    if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value).map(([key, item]) => [key, this.#encode(item, arrays, key)] as const)
      return { object: Object.fromEntries(entries) }
    }
    return value as Encoded
  }

  #ask(call: Call, arrays: readonly Float32Array[] = []): Promise<number> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    const id = this.#nextId++
    this.#worker.keepAlive(true)
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, arrays })
      this.#worker.post({ id, call } satisfies NumberedCall)
    })
  }

  #settle(answer: Answer): void {
    // A worker that is being terminated keeps the program alive until it has ended.
    if (this.#ended !== undefined) return
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (this.#waiting.size === 0) this.#worker.keepAlive(false)
    if (waiting === undefined) return
    if ('failure' in answer) {
      waiting.reject(new DiffWaveError('ENGINE_FAILED', `the wasm engine failed: ${answer.failure}`))
      return
    }
    answer.written.forEach((values, i) => {
      waiting.arrays[i]!.set(new Float32Array(values))
    })
    waiting.resolve(answer.result)
  }

  #fail(reason: string): void {
    if (this.#ended !== undefined) return
    this.#ended = new DiffWaveError('ENGINE_FAILED', `a thread of the wasm engine ended: ${reason}`)
    this.#rejectAll(this.#ended)
    // The others would wait for it for ever.
    void this.#terminate()
  }

  async #terminate(): Promise<void> {
    await Promise.all([this.#worker, ...this.#helpers].map(worker => worker.terminate()))
  }

  #rejectAll(error: DiffWaveError): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

/** The buffer of an array that is to be sent, copied if the array is only a part of it. */
function bufferOf(array: Float32Array | Float64Array): ArrayBufferLike {
  return array.byteLength === array.buffer.byteLength ? array.buffer : array.slice().buffer
}

function unavailable(reason: string, details: Pick<ErrorDetails, 'hint' | 'cause'>): DiffWaveError {
  return new DiffWaveError('ENGINE_UNAVAILABLE', `the wasm engine is not available: ${reason}`, details)
}

/** Sends a worker its first message. @throws DiffWaveError `ENGINE_UNAVAILABLE` if it does not start */
function started(
  worker: HostWorker,
  start: WorkerStart,
  { startHint: hint, startSeconds }: Pick<WasmHost, 'startHint' | 'startSeconds'>,
): Promise<Ready> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const ready = new Promise<Ready>((resolve, reject) => {
    const refuse = (reason: string) => reject(unavailable(reason, defined({ hint })))
    if (startSeconds !== undefined) {
      timer = setTimeout(() => refuse(`a worker has not answered within ${startSeconds} s`), 1000 * startSeconds)
    }
    worker.onMessage(message => {
      const reply = message as Ready | WorkerFailure
      if ('workerFailure' in reply) refuse(reply.workerFailure)
      else resolve(reply)
    })
    worker.onEnd(refuse)
    worker.post(start)
  })
  return ready.finally(() => clearTimeout(timer))
}
