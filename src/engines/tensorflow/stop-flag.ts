/**
 * Flags by which a signal stops work in another thread. That thread works synchronously and receives no message before
 * its work ends, but it can look at shared memory.
 */
import { abortError } from '../../core/errors.js'

/** 0 until the signal aborts, then 1. */
export type StopFlag = Int32Array

/** The flags of signals. Each signal gets one listener, however much work it stops: Node.js warns of more than ten. */
const flags = new WeakMap<AbortSignal, StopFlag>()

/** The flag of a signal; null for no signal. */
export function stopFlag(signal: AbortSignal | undefined): StopFlag | null {
  if (signal === undefined) return null
  const known = flags.get(signal)
  if (known !== undefined) return known
  const flag = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const stop = () => Atomics.store(flag, 0, 1)
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  flags.set(signal, flag)
  return flag
}

/** @throws DiffWaveError `ABORTED` if the flag is set */
export function throwIfStopped(flag: StopFlag | null): void {
  if (flag !== null && Atomics.load(flag, 0) !== 0) throw abortError()
}
