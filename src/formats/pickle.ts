/**
 * A strict reader of Python pickles, protocols 0 to 5 as `torch.save` uses them. It builds plain data only: whatever a pickle
 * asks to import or call is looked up in the caller's list and refused by name where it is not there. Nothing is executed.
 * Opcodes: Python's `pickletools`. Own code, because the readers on npm call or stub what they do not know instead of
 * refusing it, and do not say where a pickle ends, which the legacy PyTorch format (five pickles in a row) needs.
 */
import { DiffWaveError } from '../core/errors.js'
import { MAX_PICKLE_DEPTH, MAX_PICKLE_OBJECTS } from '../core/limits.js'

/** Something a pickle imports: `module.name`, only ever compared with the allowed names. */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/** What a pickle can hold: lists and tuples are arrays, dictionaries Maps; `Opaque` is what the caller's functions made. */
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
}

class Mark {}

/** Names of refused opcodes that reach outside, for the error. */
const refused: Readonly<Record<number, string>> = {
  105: 'INST',
  111: 'OBJ',
  130: 'EXT1',
  131: 'EXT2',
  132: 'EXT4',
  150: 'BYTEARRAY8',
  151: 'NEXT_BUFFER',
  152: 'READONLY_BUFFER',
}

/**
 * Reads one pickle that starts at byte `start`.
 *
 * @param where names the file in errors
 * @returns its value, and the byte after its end
 * @throws DiffWaveError `UNSAFE_PICKLE` (an opcode or import that is not allowed, by name), `BAD_CHECKPOINT`, `TRUNCATED`
 */
export function parsePickle<Opaque>(
  bytes: Uint8Array,
  start: number,
  handlers: PickleHandlers<Opaque>,
  where: string,
): { readonly value: PickleValue<Opaque>; readonly end: number } {
  type Value = PickleValue<Opaque>
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const stack: (Value | Mark)[] = []
  const memo = new Map<number, Value>()
  let marks = 0
  let objects = 0
  let at = start

  const bad = (problem: string): never => {
    throw new DiffWaveError('BAD_CHECKPOINT', `the pickle is malformed: ${problem}`, { where: `${where}, byte ${at}` })
  }
  const take = (length: number): number => {
    if (!Number.isSafeInteger(length) || length < 0 || at + length > bytes.length) {
      throw new DiffWaveError('TRUNCATED', 'the file ends inside a pickle', { where: `${where}, byte ${at}` })
    }
    const from = at
    at += length
    return from
  }
  const byte = () => bytes[take(1)]!
  const uint16 = () => view.getUint16(take(2), true)
  const uint32 = () => view.getUint32(take(4), true)
  const uint64 = () => Number(view.getBigUint64(take(8), true))
  const text = (length: number): string => {
    const from = take(length)
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(from, from + length))
    } catch {
      return bad('a string is not UTF-8')
    }
  }
  const line = (): string => {
    const end = bytes.indexOf(0x0a, at)
    if (end < 0) take(bytes.length)
    const value = text(end - at)
    at = end + 1
    return value
  }
  const push = (value: Value) => {
    if (++objects > MAX_PICKLE_OBJECTS) {
      throw new DiffWaveError('TOO_LARGE', `the pickle builds more than ${MAX_PICKLE_OBJECTS} objects`, { where })
    }
    stack.push(value)
  }
  const pop = (): Value => {
    const value = stack.pop()
    if (value === undefined || value instanceof Mark) return bad('a value is missing on its stack')
    return value
  }
  const popToMark = (): Value[] => {
    const values: Value[] = []
    for (;;) {
      const value = stack.pop()
      if (value === undefined) return bad('a mark is missing on its stack')
      if (value instanceof Mark) break
      values.push(value)
    }
    marks--
    return values.reverse()
  }
  const top = (): Value => {
    const value = stack.at(-1)
    if (value === undefined || value instanceof Mark) return bad('a value is missing on its stack')
    return value
  }
  const setItems = (items: readonly Value[]) => {
    const target = top()
    if (!(target instanceof Map) || items.length % 2 !== 0) return bad('items are set on what is no dictionary')
    for (let i = 0; i < items.length; i += 2) target.set(items[i]!, items[i + 1]!)
  }
  const append = (items: readonly Value[]) => {
    const target = top()
    if (!Array.isArray(target)) return bad('items are appended to what is no list')
    for (const item of items) target.push(item)
  }
  const global = (name: string): PickleGlobal => {
    if (!handlers.allowed.has(name)) {
      throw new DiffWaveError('UNSAFE_PICKLE', `the file asks to import ${name}, which is not allowed`, {
        where,
        hint: 'Only tensors and plain data are read from pickles; nothing in the file was run.',
      })
    }
    return new PickleGlobal(name)
  }
  const call = (target: Value, args: Value): Value => {
    if (!(target instanceof PickleGlobal) || !Array.isArray(args)) return bad('something is called that is no import')
    return handlers.call(target.name, args)
  }
  const recall = (index: number) => {
    const value = memo.get(index)
    if (value === undefined) return bad(`memo ${index} is empty`)
    push(value)
  }
  const integer = (length: number): number | bigint => {
    const from = take(length)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[from + i]!)
    const signed = BigInt.asIntN(8 * length, value)
    return signed >= BigInt(Number.MIN_SAFE_INTEGER) && signed <= BigInt(Number.MAX_SAFE_INTEGER)
      ? Number(signed)
      : signed
  }
  const decimal = (digits: string): number => {
    const value = Number(digits)
    if (digits.trim() === '' || Number.isNaN(value)) return bad(`${JSON.stringify(digits)} is no number`)
    return value
  }

  for (;;) {
    const opcode = byte()
    switch (opcode) {
      case 0x80: {
        const protocol = byte()
        if (protocol > 5) bad(`protocol ${protocol}`)
        break
      }
      case 0x95: // FRAME: a length that only helps readers of streams
        take(8)
        break
      case 0x2e: {
        const value = pop()
        if (stack.length > 0) bad('values are left on its stack')
        return { value, end: at }
      }
      case 0x28:
        if (++marks > MAX_PICKLE_DEPTH) bad(`more than ${MAX_PICKLE_DEPTH} marks are open`)
        stack.push(new Mark())
        break
      case 0x30:
        if (stack.pop() instanceof Mark) marks--
        break
      case 0x31:
        popToMark()
        break
      case 0x32:
        push(top())
        break
      case 0x4e:
        push(null)
        break
      case 0x88:
        push(true)
        break
      case 0x89:
        push(false)
        break
      case 0x49: {
        const digits = line()
        push(digits === '00' ? false : digits === '01' ? true : decimal(digits))
        break
      }
      case 0x4c:
        push(decimal(line().replace(/L$/, '')))
        break
      case 0x46:
        push(decimal(line()))
        break
      case 0x4a:
        push(view.getInt32(take(4), true))
        break
      case 0x4b:
        push(byte())
        break
      case 0x4d:
        push(uint16())
        break
      case 0x8a:
        push(integer(byte()))
        break
      case 0x47:
        push(view.getFloat64(take(8), false))
        break
      case 0x55: // SHORT_BINSTRING
      case 0x8c: // SHORT_BINUNICODE
        push(text(byte()))
        break
      case 0x54: // BINSTRING
      case 0x58: // BINUNICODE
        push(text(uint32()))
        break
      case 0x8d:
        push(text(uint64()))
        break
      case 0x56: // UNICODE
        push(line())
        break
      case 0x43: {
        const from = take(byte())
        push(bytes.slice(from, at))
        break
      }
      case 0x42: {
        const from = take(uint32())
        push(bytes.slice(from, at))
        break
      }
      case 0x5d:
      case 0x29:
        push([])
        break
      case 0x7d:
        push(new Map())
        break
      case 0x6c: // LIST
      case 0x74: // TUPLE
        push(popToMark())
        break
      case 0x64: {
        const items = popToMark()
        push(new Map())
        setItems(items)
        break
      }
      case 0x85:
      case 0x86:
      case 0x87: {
        const items: Value[] = []
        for (let i = 0; i < opcode - 0x84; i++) items.unshift(pop())
        push(items)
        break
      }
      case 0x61:
        append([pop()])
        break
      case 0x65:
        append(popToMark())
        break
      case 0x73: {
        const value = pop()
        setItems([pop(), value])
        break
      }
      case 0x75:
        setItems(popToMark())
        break
      case 0x71:
        memo.set(byte(), top())
        break
      case 0x72:
        memo.set(uint32(), top())
        break
      case 0x70:
        memo.set(decimal(line()), top())
        break
      case 0x94:
        memo.set(memo.size, top())
        break
      case 0x68:
        recall(byte())
        break
      case 0x6a:
        recall(uint32())
        break
      case 0x67:
        recall(decimal(line()))
        break
      case 0x63: {
        const module = line()
        push(global(`${module}.${line()}`))
        break
      }
      case 0x93: {
        const name = pop()
        const module = pop()
        if (typeof module !== 'string' || typeof name !== 'string') bad('an import has no name')
        push(global(`${String(module)}.${String(name)}`))
        break
      }
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const args = pop()
        push(call(pop(), args))
        break
      }
      case 0x62: // BUILD: attributes of an object; PyTorch hangs `_metadata` on its state dicts, which says nothing we need
        pop()
        top()
        break
      case 0x51:
        push(handlers.persistent(pop()))
        break
      default: {
        const name = refused[opcode] ?? `0x${opcode.toString(16).padStart(2, '0')}`
        throw new DiffWaveError('UNSAFE_PICKLE', `the pickle uses opcode ${name}, which is not allowed`, {
          where: `${where}, byte ${at - 1}`,
          hint: 'Only tensors and plain data are read from pickles; nothing in the file was run.',
        })
      }
    }
  }
}
