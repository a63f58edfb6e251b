/** Whether anything else ran while something was measured: /proc/stat against the processor time of our own processes. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** Share of the machine that others may take before figures count as invalid. */
export const MOST_FOREIGN = 0.04

const TICKS = 100

/** Seconds since the start: all processors busy, and stolen by the hypervisor. */
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

function ownSeconds(processes) {
  const { user, system } = process.cpuUsage()
  let sum = (user + system) / 1e6
  for (const id of processes) {
    try {
      const fields = readFileSync(`/proc/${id}/stat`, 'utf8').split(') ')[1].split(' ')
      sum += (Number(fields[11]) + Number(fields[12])) / TICKS
    } catch {
      // It has ended.
    }
  }
  return sum
}

/** Watches from now on; `others()` gives the share of the machine that others took, or null where it cannot be told. */
export function watchLoad(processes = () => []) {
  const start = machine()
  const own = ownSeconds(processes())
  const began = performance.now()
  return {
    others() {
      const end = machine()
      if (start === null || end === null) return null
      const all = ((performance.now() - began) / 1000) * availableParallelism()
      const foreign = end.busy - start.busy - (ownSeconds(processes()) - own) + (end.stolen - start.stolen)
      return all === 0 ? 0 : Math.max(0, foreign / all)
    },
  }
}
