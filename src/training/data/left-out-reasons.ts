/** Why recordings are left out, in one line. */
import type { Fault, LeftOutReason } from './recording.js'

/** Counts the reasons, the commonest first: “3 too short, 1 silent”. */
export function leftOutReasons(recordings: readonly Pick<Fault, 'reason'>[]): string {
  const counts = new Map<LeftOutReason, number>()
  for (const { reason } of recordings) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts]
    .sort(([, one], [, other]) => other - one)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ')
}
