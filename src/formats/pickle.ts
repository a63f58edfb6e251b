/**
 * A strict reader of Python pickles, protocols 0 to 5 as `torch.save` uses them. It builds plain data only: whatever a
 * pickle asks to import or call is looked up in the caller's list, and refused by name if it is not there. Nothing is
 * executed. Own code, because the readers on npm call or stub what they do not know instead of refusing it, and do not
 * say where a pickle ends, which the legacy PyTorch format (five pickles in a row) needs.
 */
import { type PickleHandlers, PickleMachine, type PickleValue } from './pickle-machine.js'
import { opcodes } from './pickle-opcodes.js'

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
  while (!machine.stopped) {
    const code = machine.byte()
    const opcode = opcodes.get(code)
    if (opcode === undefined) throw machine.unsafe(`uses the opcode 0x${code.toString(16).padStart(2, '0')}`)
    if (opcode.run === null) throw machine.unsafe(`uses the opcode ${opcode.name}`)
    opcode.run(machine)
  }
  return { value: machine.result() as PickleValue<Opaque>, end: machine.position }
}
