/** Measures one denoiser step over a whole clip, including the projection of the mel. */
import { instructionSets, openNative, openWithOneThread } from './engines/native.mjs'
import { openOnnxruntime } from './engines/onnxruntime.mjs'
import { openPytorches } from './engines/pytorch.mjs'
import { openTensorflow } from './engines/tensorflow.mjs'
import { openWasm } from './engines/wasm.mjs'
import { compareEngines } from './support/compare-engines.mjs'
import { Peaks } from './support/peak.mjs'

/** Instruction sets that are also timed if the processor has a better one. */
export const olderSets = ['avx512', 'avx2']

/** TensorFlow.js takes 7 s per second of audio on WebAssembly, so both engines there run for one case only. */
function isTensorflowCase({ channels, seconds }) {
  return channels === 64 && seconds <= 1
}

export async function benchStep(workload, { channels, seconds, threads, installed, budget, log }) {
  const { gflop } = workload
  const [best] = instructionSets()
  // Older instruction sets, each relative to its own peak.
  const older = instructionSets().filter(set => olderSets.includes(set) && set !== best)
  const peaks = new Peaks([best, ...older], threads)
  const engines = await openWithOneThread(workload, threads)
  try {
    for (const instructionSet of older) {
      engines[`native:${instructionSet}`] = await openNative(workload, { threads, instructionSet })
    }
    if (installed.ort) engines.onnxruntime = await openOnnxruntime(installed.ort, workload, { threads })
    Object.assign(engines, await openPytorches(installed.python, workload, { threads }))
    if (isTensorflowCase({ channels, seconds })) {
      Object.assign(engines, await openWasm(workload))
      if (installed.tensorflow) engines['tensorflow:wasm'] = await openTensorflow(workload)
    }
    const timed = await compareEngines(engines, 'noise', workload, {
      budget,
      log,
      between: () => peaks.measure(),
      resultOf: async engine => (engine.read === undefined ? engine.result : (await engine.read()).get('noise')),
    })
    const share = (name, set) => peaks.share(set, gflop.whole, timed.fewestSeconds[name])
    return {
      ...timed,
      realTimeFactor: timed.seconds.native / seconds,
      peakGflops: peaks.of(best) / 1e9,
      shareOfPeak: share('native', best),
      ...Object.fromEntries(older.map(set => [`${set}ShareOfPeak`, share(`native:${set}`, set)])),
    }
  } finally {
    for (const engine of Object.values(engines)) await engine.dispose()
  }
}
