/**
 * Writes Python pickles of protocol 2, which Python 2.3 and every later one reads: plain data, and calls of named
 * functions as `torch.save` writes them. Opcodes: Python's `pickletools`. Nothing is memoised, so a value that occurs
 * twice is written twice.
 */

/** A tuple; plain arrays are lists. */
export class PickleTuple {
  readonly items: readonly PickleInput[]
  constructor(...items: readonly PickleInput[]) {
    this.items = items
  }
}

/** A function or class by its module and name. */
export class PickleImport {
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}
}

/** An imported function called with arguments. */
export class PickleCall {
  readonly args: readonly PickleInput[]
  constructor(
    readonly target: PickleImport,
    ...args: readonly PickleInput[]
  ) {
    this.args = args
  }
}

/** Something that lies outside of the pickle, under an id: PyTorch's storages. */
export class PersistentId {
  constructor(readonly id: PickleInput) {}
}

/** What can be written: numbers that are whole become integers, others floats; Maps become dictionaries. */
export type PickleInput =
  | null
  | boolean
  | number
  | string
  | readonly PickleInput[]
  | ReadonlyMap<string, PickleInput>
  | PickleTuple
  | PickleImport
  | PickleCall
  | PersistentId

const [PROTO, STOP, MARK] = [0x80, 0x2e, 0x28]
const [NONE, TRUE, FALSE] = [0x4e, 0x88, 0x89]
const [BININT, LONG1, BINFLOAT, BINUNICODE] = [0x4a, 0x8a, 0x47, 0x58]
const [EMPTY_LIST, APPENDS, EMPTY_DICT, SETITEMS, TUPLE] = [0x5d, 0x65, 0x7d, 0x75, 0x74]
const [GLOBAL, REDUCE, BINPERSID] = [0x63, 0x52, 0x51]

/** The pickle of a value. */
export function encodePickle(value: PickleInput): Uint8Array {
  const out: number[] = [PROTO, 2]
  write(value, out)
  out.push(STOP)
  return Uint8Array.from(out)
}

function write(value: PickleInput, out: number[]): void {
  if (value === null) out.push(NONE)
  else if (typeof value === 'boolean') out.push(value ? TRUE : FALSE)
  else if (typeof value === 'number') writeNumber(value, out)
  else if (typeof value === 'string') writeText(value, out)
  else if (value instanceof PickleTuple) writeTuple(value.items, out)
  else if (value instanceof PickleImport) out.push(GLOBAL, ...utf8(`${value.module}\n${value.name}\n`))
  else if (value instanceof PersistentId) {
    write(value.id, out)
    out.push(BINPERSID)
  } else if (value instanceof PickleCall) {
    write(value.target, out)
    writeTuple(value.args, out)
    out.push(REDUCE)
  } else if (value instanceof Map) {
    out.push(EMPTY_DICT, MARK)
    for (const [key, entry] of value) {
      writeText(key, out)
      write(entry, out)
    }
    out.push(SETITEMS)
  } else {
    out.push(EMPTY_LIST, MARK)
    for (const item of value as readonly PickleInput[]) write(item, out)
    out.push(APPENDS)
  }
}

function writeTuple(items: readonly PickleInput[], out: number[]): void {
  out.push(MARK)
  for (const item of items) write(item, out)
  out.push(TUPLE)
}

function writeNumber(value: number, out: number[]): void {
  const view = new DataView(new ArrayBuffer(8))
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    view.setFloat64(0, value)
    out.push(BINFLOAT, ...new Uint8Array(view.buffer))
  } else if (value === (value | 0)) {
    view.setInt32(0, value, true)
    out.push(BININT, ...new Uint8Array(view.buffer, 0, 4))
  } else {
    view.setBigInt64(0, BigInt(value), true)
    out.push(LONG1, 8, ...new Uint8Array(view.buffer))
  }
}

function writeText(text: string, out: number[]): void {
  const bytes = utf8(text)
  const view = new DataView(new ArrayBuffer(4))
  view.setUint32(0, bytes.length, true)
  out.push(BINUNICODE, ...new Uint8Array(view.buffer))
  for (const byte of bytes) out.push(byte)
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
