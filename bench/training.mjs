/** Measures the loss and gradients of one training step. */
import { instructionSets, openNative } from './engines/native.mjs'
import { openPytorches } from './engines/pytorch.mjs'
import { compareEngines, overallDifference } from './support/compare-engines.mjs'
import { Peaks } from './support/peak.mjs'

export async function benchTraining(workload, { threads, installed, budget, log }) {
  const [best] = instructionSets()
  const peaks = new Peaks([best], threads)
  const engines = { native: await openNative(workload, { threads }) }
  try {
    Object.assign(engines, await openPytorches(installed.python, workload, { threads }))
    const timed = await compareEngines(engines, 'training', workload, {
      budget,
      log,
      between: () => peaks.measure(),
      measure: overallDifference,
      resultOf: async engine => (engine.read === undefined ? engine.result : await engine.read()),
    })
    return { ...timed, shareOfPeak: peaks.share(best, workload.gflop, timed.fewestSeconds.native) }
  } finally {
    for (const engine of Object.values(engines)) await engine.dispose()
  }
}
