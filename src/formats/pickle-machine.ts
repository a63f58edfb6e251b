/** Pickle's virtual machine, and the values that it builds. */
import { DiffWaveError } from '../core/errors.js'
import { MAX_PICKLE_DEPTH, MAX_PICKLE_OBJECTS } from '../core/limits.js'

/** Something a pickle imports: `module.name`, only ever compared with the allowed names. */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/**
 * What a pickle can hold: lists and tuples are arrays, dictionaries Maps; `Opaque` is what the caller's functions made.
 */
export type PickleValue<Opaque> =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleGlobal
  | PickleValue<Opaque>[]
  | Map<PickleValue<Opaque>, PickleValue<Opaque>>
  | Opaque

/** What the caller lets a pickle do. */
export interface PickleHandlers<Opaque> {
  /** The allowed imports. */
  readonly allowed: ReadonlySet<string>
  /** The value of an allowed import called with arguments. */
  call(name: string, args: readonly PickleValue<Opaque>[]): PickleValue<Opaque>
  /** The value of a persistent id: PyTorch's storages. */
  persistent(id: PickleValue<Opaque>): PickleValue<Opaque>
  /** Called with the state that an object is given after it was made. Most objects' state is not needed. */
  build?(target: PickleValue<Opaque>, state: PickleValue<Opaque>): void
}

/** Marks a place on the stack. A later opcode takes all values above it. */
class Mark {}

/** Pickle's virtual machine: a stack of values and marks, and a memo of values to use again. */
export class PickleMachine {
  /** The next byte. */
  position: number
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #handlers: PickleHandlers<unknown>
  readonly #where: string
  readonly #stack: unknown[] = []
  readonly #memo = new Map<number, unknown>()
  #marks = 0
  #objects = 0
  #stopped = false

  constructor(bytes: Uint8Array, start: number, handlers: PickleHandlers<unknown>, where: string) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#handlers = handlers
    this.#where = where
    this.position = start
  }

  /** Whether the opcode that ends a pickle was run. */
  get stopped(): boolean {
    return this.#stopped
  }

  stop(): void {
    this.#stopped = true
  }

  /** The pickle's value, after its last opcode. */
  result(): unknown {
    const value = this.pop()
    if (this.#stack.length > 0) throw this.bad('values are left on its stack')
    return value
  }

  // What follows in the bytes.

  /** Passes over some bytes. @returns where they begin */
  take(length: number): number {
    if (!Number.isSafeInteger(length) || length < 0 || this.position + length > this.#bytes.length) {
      throw new DiffWaveError('TRUNCATED', 'the file ends inside a pickle', { where: this.#here() })
    }
    const from = this.position
    this.position += length
    return from
  }

  byte(): number {
    return this.#bytes[this.take(1)]!
  }

  uint16(): number {
    return this.#view.getUint16(this.take(2), true)
  }

  uint32(): number {
    return this.#view.getUint32(this.take(4), true)
  }

  uint64(): number {
    return Number(this.#view.getBigUint64(this.take(8), true))
  }

  int32(): number {
    return this.#view.getInt32(this.take(4), true)
  }

  float64(): number {
    return this.#view.getFloat64(this.take(8), false)
  }

  raw(length: number): Uint8Array {
    const from = this.take(length)
    return this.#bytes.slice(from, from + length)
  }

  text(length: number): string {
    const from = this.take(length)
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(this.#bytes.subarray(from, from + length))
    } catch {
      throw this.bad('a string is not UTF-8')
    }
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.position)
    if (end < 0) this.take(this.#bytes.length)
    const value = this.text(end - this.position)
    this.position = end + 1
    return value
  }

  /** A number in decimal digits, up to the end of the line. */
  decimal(): number {
    const digits = this.line().replace(/L$/, '')
    const value = Number(digits)
    if (digits.trim() === '' || Number.isNaN(value)) throw this.bad(`${JSON.stringify(digits)} is not a number`)
    return value
  }

  /** A little-endian integer in two's complement; a bigint if a number cannot hold it. */
  integer(length: number): number | bigint {
    const from = this.take(length)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[from + i]!)
    const signed = BigInt.asIntN(8 * length, value)
    return signed >= BigInt(Number.MIN_SAFE_INTEGER) && signed <= BigInt(Number.MAX_SAFE_INTEGER)
      ? Number(signed)
      : signed
  }

  // The stack.

  push(value: unknown): void {
    this.#limit(++this.#objects, 'builds too many objects')
    this.#stack.push(value)
  }

  mark(): void {
    if (++this.#marks > MAX_PICKLE_DEPTH) throw this.bad(`more than ${MAX_PICKLE_DEPTH} marks are open`)
    this.#stack.push(new Mark())
  }

  top(): unknown {
    const value = this.#stack.at(-1)
    if (value === undefined || value instanceof Mark) throw this.bad('a value is missing on its stack')
    return value
  }

  pop(): unknown {
    const value = this.top()
    this.#stack.pop()
    return value
  }

  /** Removes the top of the stack, be it a value or a mark. */
  discard(): void {
    if (this.#stack.pop() instanceof Mark) this.#marks--
  }

  /** The topmost `count` values, lowest first. */
  popMany(count: number): unknown[] {
    return Array.from({ length: count }, () => this.pop()).reverse()
  }

  /** The values above the last mark, which goes too. */
  popToMark(): unknown[] {
    const values: unknown[] = []
    for (;;) {
      const value = this.#stack.pop()
      if (value === undefined) throw this.bad('a mark is missing on its stack')
      if (value instanceof Mark) break
      values.push(value)
    }
    this.#marks--
    return values.reverse()
  }

  // What opcodes do with values.

  /** Appends to the list on top. Sets are lists here, too. */
  append(items: readonly unknown[]): void {
    const target = this.top()
    if (!Array.isArray(target)) throw this.bad('items are appended to something other than a list')
    for (const item of items) target.push(item)
  }

  /** Sets keys and values, in turn, of the dictionary on top. */
  setItems(items: readonly unknown[]): void {
    const target = this.top()
    if (!(target instanceof Map) || items.length % 2 !== 0) {
      throw this.bad('items are set on something other than a dictionary')
    }
    for (let i = 0; i < items.length; i += 2) target.set(items[i], items[i + 1])
  }

  memoise(index = this.#memo.size): void {
    this.#memo.set(index, this.top())
    this.#limit(this.#memo.size, 'keeps too many values in its memo')
  }

  recall(index: number): void {
    const value = this.#memo.get(index)
    if (value === undefined) throw this.bad(`memo ${index} is empty`)
    this.push(value)
  }

  import(name: string): void {
    if (!this.#handlers.allowed.has(name)) {
      // torch.jit.save pickles the classes that it compiled under this name.
      const compiled = name.startsWith('__torch__.')
      throw this.unsafe(`asks to import ${name}`, compiled ? 'torch.jit.load(path)' : 'network')
    }
    this.push(new PickleGlobal(name))
  }

  /** Calls the import below the arguments on top. */
  call(): void {
    const args = this.pop()
    const target = this.pop()
    if (!(target instanceof PickleGlobal) || !Array.isArray(args)) {
      throw this.bad('something that is not an import is called')
    }
    this.push(this.#handlers.call(target.name, args))
  }

  build(): void {
    const state = this.pop()
    this.#handlers.build?.(this.top(), state)
  }

  persistent(): void {
    this.push(this.#handlers.persistent(this.pop()))
  }

  bad(problem: string): DiffWaveError {
    return new DiffWaveError('BAD_CHECKPOINT', `the pickle is malformed: ${problem}`, { where: this.#here() })
  }

  /**
   * The error of a pickle that wants more than plain data.
   *
   * @param network the expression that the weights are taken from, in the hint
   */
  unsafe(what: string, network = 'network'): DiffWaveError {
    return new DiffWaveError('UNSAFE_PICKLE', `the pickle ${what}, which is not allowed`, {
      where: this.#here(),
      hint:
        'Only tensors and plain data are read from pickles; nothing in the file was run. If you trust it, save the ' +
        `weights alone: torch.save(${network}.state_dict(), other_path).`,
    })
  }

  #limit(count: number, problem: string): void {
    if (count <= MAX_PICKLE_OBJECTS) return
    throw new DiffWaveError('TOO_LARGE', `the pickle ${problem}`, {
      expected: `at most ${MAX_PICKLE_OBJECTS}`,
      where: this.#where,
    })
  }

  #here(): string {
    return `${this.#where}, byte ${this.position}`
  }
}
