/**
 * The part of Node-API that native/binding/ uses, for an instance in WebAssembly. So there is one binding, with one set
 * of checks, for both. JavaScript values are handles: indices of a table that exists for one call. Typed arrays are
 * `HeapArray`s, which already lie in the memory of the instance.
 */
import type { WasmMemory, WasmTable } from './webassembly.js'

/** An array in the memory of the instance. */
export class HeapArray {
  constructor(
    readonly type: 'float32' | 'float64' | 'uint8',
    readonly address: number,
    readonly length: number,
  ) {}
}

/** A pointer that C++ has returned. */
export class External {
  constructor(
    readonly address: number,
    /** Frees the object at the pointer. */
    readonly free: () => void,
  ) {}
}

/** A function of the binding. */
export type BoundFunction = (...values: readonly unknown[]) => unknown

/** The exports of an instance that are used. */
export interface InstanceExports {
  readonly __indirect_function_table: WasmTable
  napi_register_module_v1(env: number, exports: number): number
}

const OK = 0
const GENERIC_FAILURE = 9
/** Status codes for values of the wrong kind. */
const [OBJECT_EXPECTED, STRING_EXPECTED, NUMBER_EXPECTED, BOOLEAN_EXPECTED, ARRAY_EXPECTED] = [2, 3, 6, 7, 8]
const INVALID_ARGUMENT = 1
const AUTO_LENGTH = 2 ** 32 - 1
/** `napi_valuetype`. */
const valueTypes = ['undefined', 'null', 'boolean', 'number', 'string', 'symbol', 'object', 'function', 'external']
/** `napi_typedarray_type`. */
const arrayTypes = { uint8: 1, float32: 7, float64: 8 } as const
/** The handle of the only environment. */
const ENVIRONMENT = 1
/** Size of a `napi_property_descriptor` in bytes, and the offsets of its name and function. */
const DESCRIPTOR = { size: 32, name: 0, method: 8 } as const

interface AsyncWork {
  readonly execute: number
  readonly complete: number
  readonly data: number
}

export class NodeApi {
  #values: unknown[] = [undefined]
  #arguments: readonly unknown[] = []
  #error: Error | undefined
  /** The work that the current call has queued, and the value with which its promise was resolved. */
  #queued: AsyncWork[] = []
  readonly #works: AsyncWork[] = []
  #resolved: unknown
  #exports: InstanceExports | undefined
  readonly #memory: WasmMemory
  #view: DataView

  constructor(memory: WasmMemory) {
    this.#memory = memory
    this.#view = new DataView(memory.buffer)
  }

  /** Initialises the binding. @returns its functions by name */
  register(exports: InstanceExports): Readonly<Record<string, BoundFunction>> {
    this.#exports = exports
    const functions: Record<string, BoundFunction> = {}
    exports.napi_register_module_v1(ENVIRONMENT, this.#handle(functions))
    this.#values.length = 1
    return functions
  }

  /** A view of the memory, renewed if the memory has grown. */
  get #data(): DataView {
    if (this.#view.buffer !== this.#memory.buffer) this.#view = new DataView(this.#memory.buffer)
    return this.#view
  }

  #handle(value: unknown): number {
    return this.#values.push(value) - 1
  }

  /** Writes a value's handle to an address in the memory. */
  #store(at: number, value: unknown): number {
    this.#data.setUint32(at, this.#handle(value), true)
    return OK
  }

  #text(at: number, length: number): string {
    const bytes = new Uint8Array(this.#memory.buffer)
    const end = length === AUTO_LENGTH || length === -1 ? bytes.indexOf(0, at) : at + length
    return new TextDecoder().decode(bytes.slice(at, end))
  }

  #call(pointer: number, ...values: number[]): unknown {
    const called = this.#exports!.__indirect_function_table.get(pointer) as (...values: number[]) => unknown
    return called(...values)
  }

  /** Calls a function of the binding, then does the work that it has queued. The thread has nothing else to do. */
  #invoke(method: number, values: readonly unknown[]): unknown {
    this.#values.length = 1
    this.#arguments = values
    this.#error = undefined
    this.#queued = []
    this.#resolved = undefined
    const returned = this.#values[this.#call(method, ENVIRONMENT, 0) as number]
    if (this.#error !== undefined) throw this.#error
    const work = this.#queued.pop()
    if (work === undefined) return returned
    this.#call(work.execute, ENVIRONMENT, work.data)
    this.#call(work.complete, ENVIRONMENT, OK, work.data)
    return this.#resolved
  }

  /** The imports of the module `napi`. Functions that the binding does not use throw. */
  imports(names: readonly string[]): Record<string, (...values: number[]) => number> {
    const known: Readonly<Record<string, (...values: number[]) => number>> = {
      ...this.#readers(),
      ...this.#makers(),
      ...this.#functions(),
      ...this.#asynchronous(),
    }
    return Object.fromEntries(names.map(name => [name, known[name] ?? (() => GENERIC_FAILURE)]))
  }

  #readers() {
    const value = (handle: number | undefined): unknown => this.#values[handle!]
    return {
      napi_typeof: (_: number, handle: number, at: number) => {
        const found = value(handle)
        const type = found === null ? 'null' : found instanceof External ? 'external' : typeof found
        this.#data.setInt32(at, valueTypes.indexOf(type), true)
        return OK
      },
      napi_get_named_property: (_: number, handle: number, name: number, at: number) => {
        const object = value(handle)
        if (typeof object !== 'object' || object === null) return OBJECT_EXPECTED
        return this.#store(at, (object as Record<string, unknown>)[this.#text(name, AUTO_LENGTH)])
      },
      napi_get_value_double: (_: number, handle: number, at: number) => {
        const number = value(handle)
        if (typeof number !== 'number') return NUMBER_EXPECTED
        this.#data.setFloat64(at, number, true)
        return OK
      },
      napi_get_value_int64: (_: number, handle: number, at: number) => {
        const number = value(handle)
        if (typeof number !== 'number') return NUMBER_EXPECTED
        this.#data.setBigInt64(at, BigInt(Number.isFinite(number) ? Math.trunc(number) : 0), true)
        return OK
      },
      napi_get_value_bool: (_: number, handle: number, at: number) => {
        const boolean = value(handle)
        if (typeof boolean !== 'boolean') return BOOLEAN_EXPECTED
        this.#data.setUint8(at, boolean ? 1 : 0)
        return OK
      },
      napi_get_value_string_utf8: (_: number, handle: number, to: number, room: number, at: number) => {
        const text = value(handle)
        if (typeof text !== 'string') return STRING_EXPECTED
        const bytes = new TextEncoder().encode(text).subarray(0, room - 1)
        new Uint8Array(this.#memory.buffer).set(bytes, to)
        this.#data.setUint8(to + bytes.length, 0)
        this.#data.setUint32(at, bytes.length, true)
        return OK
      },
      napi_get_array_length: (_: number, handle: number, at: number) => {
        const list = value(handle)
        if (!Array.isArray(list)) return ARRAY_EXPECTED
        this.#data.setUint32(at, list.length, true)
        return OK
      },
      napi_get_element: (_: number, handle: number, index: number, at: number) => {
        const list = value(handle)
        return Array.isArray(list) ? this.#store(at, list[index]) : ARRAY_EXPECTED
      },
      napi_is_typedarray: (_: number, handle: number, at: number) => {
        this.#data.setUint8(at, value(handle) instanceof HeapArray ? 1 : 0)
        return OK
      },
      napi_get_typedarray_info: (_: number, handle: number, type: number, length: number, data: number) => {
        const array = value(handle)
        if (!(array instanceof HeapArray)) return INVALID_ARGUMENT
        if (type !== 0) this.#data.setInt32(type, arrayTypes[array.type], true)
        if (length !== 0) this.#data.setUint32(length, array.length, true)
        if (data !== 0) this.#data.setUint32(data, array.address, true)
        return OK
      },
      napi_get_value_external: (_: number, handle: number, at: number) => {
        const external = value(handle)
        if (!(external instanceof External)) return INVALID_ARGUMENT
        this.#data.setUint32(at, external.address, true)
        return OK
      },
    }
  }

  #makers() {
    return {
      napi_create_object: (_: number, at: number) => this.#store(at, {}),
      napi_create_array: (_: number, at: number) => this.#store(at, []),
      napi_create_double: (_: number, number: number, at: number) => this.#store(at, number),
      napi_create_string_utf8: (_: number, text: number, length: number, at: number) =>
        this.#store(at, this.#text(text, length >>> 0)),
      napi_create_external: (_: number, data: number, finalize: number, hint: number, at: number) => {
        const free = () => {
          if (finalize !== 0) this.#call(finalize, ENVIRONMENT, data, hint)
        }
        return this.#store(at, new External(data, free))
      },
      napi_set_element: (_: number, list: number, index: number, handle: number) => {
        const array = this.#values[list]
        if (!Array.isArray(array)) return ARRAY_EXPECTED
        array[index] = this.#values[handle]
        return OK
      },
      napi_set_named_property: (_: number, object: number, name: number, handle: number) => {
        const target = this.#values[object] as Record<string, unknown>
        target[this.#text(name, AUTO_LENGTH)] = this.#values[handle]
        return OK
      },
    }
  }

  #functions() {
    return {
      napi_define_properties: (_: number, object: number, count: number, descriptors: number) => {
        const target = this.#values[object] as Record<string, BoundFunction>
        for (let i = 0; i < count; i++) {
          const at = descriptors + i * DESCRIPTOR.size
          const method = this.#data.getUint32(at + DESCRIPTOR.method, true)
          const name = this.#text(this.#data.getUint32(at + DESCRIPTOR.name, true), AUTO_LENGTH)
          target[name] = (...values) => this.#invoke(method, values)
        }
        return OK
      },
      napi_get_cb_info: (_: number, _info: number, count: number, to: number) => {
        const room = this.#data.getUint32(count, true)
        for (let i = 0; i < room; i++) this.#store(to + 4 * i, this.#arguments[i])
        this.#data.setUint32(count, this.#arguments.length, true)
        return OK
      },
      napi_throw_error: (_: number, _code: number, message: number) => {
        this.#error = new Error(this.#text(message, AUTO_LENGTH))
        return OK
      },
    }
  }

  /** Promises and work. A call does the work that it has queued before it returns. */
  #asynchronous() {
    return {
      napi_create_promise: (_: number, deferred: number, promise: number) => {
        this.#data.setUint32(deferred, 1, true)
        return this.#store(promise, undefined)
      },
      napi_resolve_deferred: (_: number, _deferred: number, handle: number) => {
        this.#resolved = this.#values[handle]
        return OK
      },
      napi_create_reference: (_: number, _handle: number, _count: number, at: number) => {
        this.#data.setUint32(at, 1, true)
        return OK
      },
      napi_delete_reference: () => OK,
      napi_create_async_work: (
        ...[, , , execute, complete, data, at]: [number, number, number, number, number, number, number]
      ) => {
        this.#data.setUint32(at, this.#works.push({ execute, complete, data }), true)
        return OK
      },
      napi_queue_async_work: (_: number, work: number) => {
        this.#queued.push(this.#works[work - 1]!)
        this.#works.length = 0
        return OK
      },
      napi_delete_async_work: () => OK,
    }
  }
}
