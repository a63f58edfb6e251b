/** One denoiser step over a whole clip, the mel's part counted. */
import { instructionSets, measurePeak, openNative, openOwn } from './rivals/native.mjs'
import { openOnnxruntime } from './rivals/onnxruntime.mjs'
import { openPytorch } from './rivals/pytorch.mjs'
import { openTensorflow } from './rivals/tensorflow.mjs'
import { contest } from './support/contest.mjs'

/** Instruction sets that are also timed by force where there is a better one. */
export const older = ['avx512', 'avx2']

/** WebAssembly takes 7 s a second of audio: once is enough. */
function tensorflowFits({ channels, seconds }) {
  return channels === 64 && seconds <= 1
}

export async function benchStep(workload, { channels, seconds, threads, rivals, budget, log }) {
  const { gflop } = workload
  const [best] = instructionSets()
  const peaks = { [best]: measurePeak(best, threads) }
  const engines = await openOwn(workload, threads)
  try {
    // Older instruction sets, forced, each against its own peak.
    for (const instructionSet of instructionSets().filter(set => older.includes(set) && set !== best)) {
      engines[`native:${instructionSet}`] = await openNative(workload, { threads, instructionSet })
      peaks[instructionSet] = measurePeak(instructionSet, threads)
    }
    if (rivals.ort) engines.onnxruntime = await openOnnxruntime(rivals.ort, workload, { threads })
    if (rivals.python) engines.pytorch = await openPytorch(rivals.python, workload, { threads })
    if (rivals.tensorflow && tensorflowFits({ channels, seconds })) {
      engines['tensorflow:wasm'] = await openTensorflow(workload)
    }
    const timed = await contest(engines, 'noise', workload, {
      budget,
      log,
      resultOf: async engine => (engine.read === undefined ? engine.result : (await engine.read()).get('noise')),
    })
    const share = (name, set) => (gflop.whole * 1e9) / timed.seconds[name] / peaks[set]
    return {
      ...timed,
      realTimeFactor: timed.seconds.native / seconds,
      peakGflops: peaks[best] / 1e9,
      shareOfPeak: share('native', best),
      ...Object.fromEntries(
        older.filter(set => engines[`native:${set}`]).map(set => [`${set}ShareOfPeak`, share(`native:${set}`, set)]),
      ),
    }
  } finally {
    for (const engine of Object.values(engines)) await engine.dispose()
  }
}
