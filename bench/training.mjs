/** Loss and gradients of one training step. */
import { instructionSets, measurePeak, openNative } from './engines/native.mjs'
import { openPytorch } from './engines/pytorch.mjs'
import { compareEngines, overallDifference } from './support/compare-engines.mjs'

export async function benchTraining(workload, { threads, installed, budget, log }) {
  const engines = { native: await openNative(workload, { threads }) }
  try {
    if (installed.python) engines.pytorch = await openPytorch(installed.python, workload, { threads })
    const timed = await compareEngines(engines, 'training', workload, {
      budget,
      log,
      measure: overallDifference,
      resultOf: async engine => (engine.read === undefined ? engine.result : await engine.read()),
    })
    const peak = measurePeak(instructionSets()[0], threads)
    return { ...timed, shareOfPeak: (workload.gflop * 1e9) / timed.seconds.native / peak }
  } finally {
    for (const engine of Object.values(engines)) await engine.dispose()
  }
}
