/** Why recordings are left out, in one line. */
import type { Fault, LeftOutReason } from './recording.js'

/** Reasons with their numbers, the commonest first. */
function counted(recordings: readonly Pick<Fault, 'reason'>[]): (readonly [LeftOutReason, number])[] {
  const counts = new Map<LeftOutReason, number>()
  for (const { reason } of recordings) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts].sort(([, one], [, other]) => other - one)
}

/** Counts the reasons, the commonest first: “3 too short, 1 silent”. */
export function leftOutReasons(recordings: readonly Pick<Fault, 'reason'>[]): string {
  return counted(recordings)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ')
}

/** The first recording that is left out for the commonest reason; undefined if there is none. */
export function exampleLeftOut<Recording extends Pick<Fault, 'reason'>>(
  recordings: readonly Recording[],
): Recording | undefined {
  const commonest = counted(recordings)[0]?.[0]
  return recordings.find(({ reason }) => reason === commonest)
}
