/**
 * A strict reader of Python pickles, protocols 0 to 5 as `torch.save` uses them. It builds plain data only: whatever a
 * pickle asks to import or call is looked up in the caller's list, and refused by name if it is not there. Nothing is
 * executed. Opcodes: Python's `pickletools`. Own code, because the readers on npm call or stub what they do not know
 * instead of refusing it, and do not say where a pickle ends, which the legacy PyTorch format (five pickles in a row)
 * needs.
 */
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
  /** Told of the state that an object is given after it was made. Most say nothing that is needed. */
  build?(target: PickleValue<Opaque>, state: PickleValue<Opaque>): void
}

/** A place on the stack that a later opcode takes everything above of. */
class Mark {}

/**
 * Reads one pickle that starts at byte `start`.
 *
 * @param where names the file in errors
 * @returns its value, and the byte after its end
 * @throws DiffWaveError `UNSAFE_PICKLE` (an opcode or import that is not allowed, by name), `BAD_CHECKPOINT`,
 * `TRUNCATED`, `TOO_LARGE`
 */
export function parsePickle<Opaque>(
  bytes: Uint8Array,
  start: number,
  handlers: PickleHandlers<Opaque>,
  where: string,
): { readonly value: PickleValue<Opaque>; readonly end: number } {
  const machine = new PickleMachine(bytes, start, handlers as unknown as PickleHandlers<unknown>, where)
  return { value: machine.run() as PickleValue<Opaque>, end: machine.position }
}

/** Pickle's virtual machine: a stack of values and marks, and a memo of values to use again. */
class PickleMachine {
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

  /** The pickle's value. */
  run(): unknown {
    while (!this.#stopped) {
      const code = this.byte()
      const opcode = opcodes.get(code)
      if (opcode === undefined) throw this.#unsafe(`uses the opcode 0x${code.toString(16).padStart(2, '0')}`)
      if (opcode.run === null) throw this.#unsafe(`uses the opcode ${opcode.name}`)
      opcode.run(this)
    }
    const value = this.pop()
    if (this.#stack.length > 0) throw this.bad('values are left on its stack')
    return value
  }

  stop(): void {
    this.#stopped = true
  }

  // What follows in the bytes.

  /** Passes over some bytes; where they begin. */
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
    if (++this.#objects > MAX_PICKLE_OBJECTS) {
      throw new DiffWaveError('TOO_LARGE', 'the pickle builds too many objects', {
        expected: `at most ${MAX_PICKLE_OBJECTS}`,
        where: this.#where,
      })
    }
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

  /** Removes the top of the stack, a mark too. */
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

  /** Appends to the list, or adds to the set, on top. */
  append(items: readonly unknown[]): void {
    const target = this.top()
    if (!Array.isArray(target)) throw this.bad('items are appended to something else than a list')
    for (const item of items) target.push(item)
  }

  /** Sets keys and values, in turn, of the dictionary on top. */
  setItems(items: readonly unknown[]): void {
    const target = this.top()
    if (!(target instanceof Map) || items.length % 2 !== 0) {
      throw this.bad('items are set on something else than a dictionary')
    }
    for (let i = 0; i < items.length; i += 2) target.set(items[i], items[i + 1])
  }

  memoise(index = this.#memo.size): void {
    this.#memo.set(index, this.top())
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
      throw this.#unsafe(`asks to import ${name}`, compiled ? 'torch.jit.load(path)' : 'network')
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

  /** @param network the expression that the weights are taken from, in the hint */
  #unsafe(what: string, network = 'network'): DiffWaveError {
    return new DiffWaveError('UNSAFE_PICKLE', `the pickle ${what}, which is not allowed`, {
      where: this.#here(),
      hint:
        'Only tensors and plain data are read from pickles; nothing in the file was run. If you trust it, save the ' +
        `weights alone: torch.save(${network}.state_dict(), other_path).`,
    })
  }

  #here(): string {
    return `${this.#where}, byte ${this.position}`
  }
}

/**
 * An opcode's name in Python's `pickletools`, and what it does; null for those that reach outside, which are refused by
 * name.
 */
interface Opcode {
  readonly name: string
  readonly run: ((machine: PickleMachine) => void) | null
}

const opcodes: ReadonlyMap<number, Opcode> = new Map(
  (
    [
      // structure
      [
        0x80,
        'PROTO',
        m => {
          const protocol = m.byte()
          if (protocol > 5) throw m.bad(`protocol ${protocol}`)
        },
      ],
      [0x95, 'FRAME', m => m.take(8)], // a length that only helps readers of streams
      [0x2e, 'STOP', m => m.stop()],
      [0x28, 'MARK', m => m.mark()],
      [0x30, 'POP', m => m.discard()],
      [0x31, 'POP_MARK', m => m.popToMark()],
      [0x32, 'DUP', m => m.push(m.top())],
      // constants and numbers
      [0x4e, 'NONE', m => m.push(null)],
      [0x88, 'NEWTRUE', m => m.push(true)],
      [0x89, 'NEWFALSE', m => m.push(false)],
      [0x49, 'INT', pushInt],
      [0x4c, 'LONG', m => m.push(m.decimal())],
      [0x46, 'FLOAT', m => m.push(m.decimal())],
      [0x4a, 'BININT', m => m.push(m.int32())],
      [0x4b, 'BININT1', m => m.push(m.byte())],
      [0x4d, 'BININT2', m => m.push(m.uint16())],
      [0x8a, 'LONG1', m => m.push(m.integer(m.byte()))],
      [0x47, 'BINFLOAT', m => m.push(m.float64())],
      // text and bytes
      [0x55, 'SHORT_BINSTRING', m => m.push(m.text(m.byte()))],
      [0x8c, 'SHORT_BINUNICODE', m => m.push(m.text(m.byte()))],
      [0x54, 'BINSTRING', m => m.push(m.text(m.uint32()))],
      [0x58, 'BINUNICODE', m => m.push(m.text(m.uint32()))],
      [0x8d, 'BINUNICODE8', m => m.push(m.text(m.uint64()))],
      [0x56, 'UNICODE', m => m.push(m.line())],
      [0x43, 'SHORT_BINBYTES', m => m.push(m.raw(m.byte()))],
      [0x42, 'BINBYTES', m => m.push(m.raw(m.uint32()))],
      [0x8e, 'BINBYTES8', m => m.push(m.raw(m.uint64()))],
      // containers
      [0x5d, 'EMPTY_LIST', m => m.push([])],
      [0x29, 'EMPTY_TUPLE', m => m.push([])],
      [0x8f, 'EMPTY_SET', m => m.push([])],
      [0x7d, 'EMPTY_DICT', m => m.push(new Map())],
      [0x6c, 'LIST', m => m.push(m.popToMark())],
      [0x74, 'TUPLE', m => m.push(m.popToMark())],
      [0x91, 'FROZENSET', m => m.push(m.popToMark())],
      [
        0x64,
        'DICT',
        m => {
          const items = m.popToMark()
          m.push(new Map())
          m.setItems(items)
        },
      ],
      [0x85, 'TUPLE1', m => m.push(m.popMany(1))],
      [0x86, 'TUPLE2', m => m.push(m.popMany(2))],
      [0x87, 'TUPLE3', m => m.push(m.popMany(3))],
      [0x61, 'APPEND', m => m.append(m.popMany(1))],
      [0x65, 'APPENDS', m => m.append(m.popToMark())],
      [0x90, 'ADDITEMS', m => m.append(m.popToMark())],
      [0x73, 'SETITEM', m => m.setItems(m.popMany(2))],
      [0x75, 'SETITEMS', m => m.setItems(m.popToMark())],
      // memo
      [0x71, 'BINPUT', m => m.memoise(m.byte())],
      [0x72, 'LONG_BINPUT', m => m.memoise(m.uint32())],
      [0x70, 'PUT', m => m.memoise(m.decimal())],
      [0x94, 'MEMOIZE', m => m.memoise()],
      [0x68, 'BINGET', m => m.recall(m.byte())],
      [0x6a, 'LONG_BINGET', m => m.recall(m.uint32())],
      [0x67, 'GET', m => m.recall(m.decimal())],
      // imports and calls
      [
        0x63,
        'GLOBAL',
        m => {
          const module = m.line()
          m.import(`${module}.${m.line()}`)
        },
      ],
      [0x93, 'STACK_GLOBAL', importFromStack],
      [0x52, 'REDUCE', m => m.call()],
      [0x81, 'NEWOBJ', m => m.call()],
      [0x62, 'BUILD', m => m.build()],
      [0x51, 'BINPERSID', m => m.persistent()],
      [0x69, 'INST', null],
      [0x6f, 'OBJ', null],
      [0x82, 'EXT1', null],
      [0x83, 'EXT2', null],
      [0x84, 'EXT4', null],
      [0x96, 'BYTEARRAY8', null],
      [0x97, 'NEXT_BUFFER', null],
      [0x98, 'READONLY_BUFFER', null],
    ] as readonly (readonly [number, string, Opcode['run']])[]
  ).map(([code, name, run]) => [code, { name, run }]),
)

/** Protocol 0 writes True and False as the integers 01 and 00. */
function pushInt(machine: PickleMachine): void {
  const start = machine.position
  const digits = machine.line()
  const isBoolean = digits === '00' || digits === '01'
  if (!isBoolean) machine.position = start
  machine.push(isBoolean ? digits === '01' : machine.decimal())
}

function importFromStack(machine: PickleMachine): void {
  const [module, name] = machine.popMany(2)
  if (typeof module !== 'string' || typeof name !== 'string') throw machine.bad('an import has no name')
  machine.import(`${module}.${name}`)
}
