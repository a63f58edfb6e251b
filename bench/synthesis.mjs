/** Mel to waveform in six steps, preparation counted. */
import { instructionSets, measurePeak, openOwn } from './rivals/native.mjs'
import { openOnnxruntime } from './rivals/onnxruntime.mjs'
import { openPytorch } from './rivals/pytorch.mjs'
import { contest } from './support/contest.mjs'
import { SAMPLE_RATE } from './support/workload.mjs'

/** Projections of a whole clip are held by the split ONNX file: more than this is left out. */
const MOST_PROJECTIONS = 3e9

export async function benchSynthesis(workload, { threads, rivals, budget, log }) {
  const { config, gflop, samples } = workload
  const engines = await openOwn(workload, threads)
  try {
    if (rivals.ort) {
      engines.onnxruntime = await openOnnxruntime(rivals.ort, workload, { threads })
      if (8 * config.network.layers * config.network.channels * samples < MOST_PROJECTIONS) {
        engines['onnxruntime:split'] = await openOnnxruntime(rivals.ort, workload, { threads, split: true })
      }
    }
    if (rivals.python) engines.pytorch = await openPytorch(rivals.python, workload, { threads })
    const timed = await contest(engines, 'synthesis', workload, {
      budget,
      log,
      resultOf: async engine => (engine.read === undefined ? engine.result : (await engine.read()).get('samples')),
    })
    const peak = measurePeak(instructionSets()[0], threads)
    const steps = workload.sampler.steps.length
    const work = gflop.whole + (steps - 1) * gflop.step
    return {
      ...timed,
      realTimeFactor: (timed.seconds.native * SAMPLE_RATE) / samples,
      shareOfPeak: (work * 1e9) / timed.seconds.native / peak,
    }
  } finally {
    for (const engine of Object.values(engines)) await engine.dispose()
  }
}
