/** One training step's loss and gradients. */
import { instructionSets, measurePeak, openNative } from './rivals/native.mjs'
import { openPytorch } from './rivals/pytorch.mjs'
import { contest, overallDifference } from './support/contest.mjs'

export async function benchTraining(workload, { threads, rivals, budget, log }) {
  const engines = { native: await openNative(workload, { threads }) }
  try {
    if (rivals.python) engines.pytorch = await openPytorch(rivals.python, workload, { threads })
    const timed = await contest(engines, 'training', workload, {
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
