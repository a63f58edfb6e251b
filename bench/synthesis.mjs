/** Measures the conversion of a mel to a waveform in six steps, including preparation. */
import { instructionSets, openWithOneThread } from './engines/native.mjs'
import { openOnnxruntime } from './engines/onnxruntime.mjs'
import { openPytorches } from './engines/pytorch.mjs'
import { compareEngines } from './support/compare-engines.mjs'
import { Peaks } from './support/peak.mjs'
import { SAMPLE_RATE } from './support/workload.mjs'

/** The whole ONNX graph keeps the projections of the whole clip. It is left out if they need more bytes than this. */
const MAX_PROJECTION_BYTES = 3e9

export async function benchSynthesis(workload, { threads, installed, budget, log }) {
  const { config, gflop, samples } = workload
  const [best] = instructionSets()
  const peaks = new Peaks([best], threads)
  const engines = await openWithOneThread(workload, threads)
  try {
    if (installed.ort) {
      engines.onnxruntime = await openOnnxruntime(installed.ort, workload, { threads })
      if (8 * config.network.layers * config.network.channels * samples < MAX_PROJECTION_BYTES) {
        engines['onnxruntime:whole'] = await openOnnxruntime(installed.ort, workload, { threads, whole: true })
      }
    }
    Object.assign(engines, await openPytorches(installed.python, workload, { threads }))
    const timed = await compareEngines(engines, 'synthesis', workload, {
      budget,
      log,
      between: () => peaks.measure(),
      resultOf: async engine => (engine.read === undefined ? engine.result : (await engine.read()).get('samples')),
    })
    const steps = workload.sampler.steps.length
    const totalGflop = gflop.whole + (steps - 1) * gflop.step
    return {
      ...timed,
      realTimeFactor: (timed.seconds.native * SAMPLE_RATE) / samples,
      shareOfPeak: peaks.share(best, totalGflop, timed.fewestSeconds.native),
    }
  } finally {
    for (const engine of Object.values(engines)) await engine.dispose()
  }
}
