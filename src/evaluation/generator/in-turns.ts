/** Long work on clips that lets other work have its turn, and can be stopped. */
import { setImmediate } from 'node:timers/promises'
import { throwIfAborted } from '../../core/errors.js'

/** Clips between two turns of the event loop: some tens of milliseconds. */
const CLIPS_PER_TURN = 16

/** Maps clips one after the other. @throws DiffWaveError `ABORTED`, and what `map` throws */
export async function mapInTurns<Clip, Result>(
  clips: readonly Clip[],
  map: (clip: Clip, index: number) => Result,
  signal: AbortSignal | undefined,
): Promise<Result[]> {
  const results: Result[] = []
  for (const clip of clips) {
    results.push(map(clip, results.length))
    if (results.length % CLIPS_PER_TURN === 0) await setImmediate()
    throwIfAborted(signal)
  }
  return results
}
