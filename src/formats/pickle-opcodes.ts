/** The opcodes of Python's pickles, protocols 0 to 5, as `pickletools` lists them. */
import type { PickleMachine } from './pickle-machine.js'

/**
 * An opcode's name in Python's `pickletools`, and what it does; null for those that reach outside, which are refused by
 * name.
 */
interface Opcode {
  readonly name: string
  readonly run: ((machine: PickleMachine) => void) | null
}

const table: readonly (readonly [code: number, name: string, run: Opcode['run']])[] = [
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
]

/** The opcodes by their bytes. */
export const opcodes: ReadonlyMap<number, Opcode> = new Map(table.map(([code, name, run]) => [code, { name, run }]))

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
