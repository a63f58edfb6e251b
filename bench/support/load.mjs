/** Detects other processes during a measurement: compares /proc/stat with the processor time of our own processes. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** Share of the machine that other processes may use before a run counts as invalid. */
export const MAX_OTHERS_SHARE = 0.04

/** Clock ticks per second in /proc. */
const TICKS = 100

/** The seconds since boot in which processors were busy, and those that the hypervisor stole; null outside Linux. */
function machine() {
  try {
    const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
      .split('\n')[0]
      .trim()
      .split(/\s+/)
      .slice(1)
      .map(Number)
    return { busy: (user + nice + system + irq + softirq) / TICKS, stolen: (steal ?? 0) / TICKS }
  } catch {
    return null
  }
}

/** The processor time that this process and the given others have used. */
export function ownSeconds(processes) {
  const { user, system } = process.cpuUsage()
  let sum = (user + system) / 1e6
  for (const id of processes) {
    try {
      const fields = readFileSync(`/proc/${id}/stat`, 'utf8').split(') ')[1].split(' ')
      sum += (Number(fields[11]) + Number(fields[12])) / TICKS
    } catch {
      // The process has ended.
    }
  }
  return sum
}

/** Starts watching. `othersShare()` returns the share of the machine that others have used since, or null. */
export function watchLoad(processes = () => []) {
  const start = machine()
  const own = ownSeconds(processes())
  const began = performance.now()
  return {
    othersShare() {
      const end = machine()
      if (start === null || end === null) return null
      const all = ((performance.now() - began) / 1000) * availableParallelism()
      const others = end.busy - start.busy - (ownSeconds(processes()) - own) + (end.stolen - start.stolen)
      return all === 0 ? 0 : Math.max(0, others / all)
    },
  }
}
