/**
 * ONNX Runtime (`onnxruntime-node`) on the same network and weights, from the graphs that `exportOnnx` writes: one call
 * of the denoiser per step, or the whole synthesis, in which the mel is projected only once. Its
 * install script downloads files and fails without a network, so it is not a dependency.
 */
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { gaussian } from '../../dist/core/random.js'
import { drawOfPass } from '../../dist/diffusion/noise.js'
import { denoiserGraph, wholeGraph } from '../../dist/export/onnx/graphs.js'
import { timed } from '../support/interleave.mjs'

export const howToGet = 'ONNXRUNTIME_NODE_INSTALL=skip npm install --no-save onnxruntime-node (or --onnxruntime FOLDER)'

/** Finds the package in the node_modules of this repository or of another folder; null if it is not installed. */
export function findOnnxruntime(folder) {
  try {
    const from = folder === undefined ? import.meta.url : join(resolve(folder), 'package.json')
    return createRequire(from)('onnxruntime-node')
  } catch {
    return null
  }
}

/** Runs six steps of the published sampler with the noise of the native engine. `predict(pass, x)` is the network. */
async function sixSteps({ sampler, samples, seed }, predict) {
  let state = { x: gaussian(seed, 0, 0, samples), carried: null }
  const passes = sampler.steps.length
  for (let pass = 0; pass < passes; pass++) {
    const epsilon = await predict(pass, state.x)
    const noise = sampler.needsNoise(pass) ? gaussian(seed, passes - 1 - pass, 0, samples) : null
    state = sampler.update(pass, state, { epsilon, noise })
  }
  return state.x
}

/** The input `noise` of the whole synthesis, `[1, rows, samples]`. */
function noiseRows({ sampler, samples, seed }) {
  const draws = sampler.steps.map((_, pass) => drawOfPass(sampler, pass)).filter(draw => draw !== null)
  const rows = [0, ...draws].map(draw => gaussian(seed, draw, 0, samples))
  const data = new Float32Array(rows.length * samples)
  rows.forEach((row, i) => {
    data.set(row, i * samples)
  })
  return { data, rows: rows.length }
}

/** Opens the engine. @param whole use the graph of the whole synthesis */
export async function openOnnxruntime(ort, workload, { threads, whole = false }) {
  const { config, parameters, sampler } = workload
  const model = { config, parameters }
  const settings = { intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: 'all' }
  const process = { sampler, prediction: config.diffusion.prediction }
  const { graph } = whole ? wholeGraph(model, process, 0, false) : denoiserGraph(model, false)
  const session = await ort.InferenceSession.create(graph.bytes(), settings)
  const tensor = (data, ...dims) => new ort.Tensor('float32', data, dims)
  const melOf = mel => tensor(mel.data, 1, mel.bands, mel.frames)
  const run = async (x, pass, mel) => {
    const step = tensor(Float32Array.of(sampler.steps[pass]), 1)
    return (await session.run({ audio: tensor(x, 1, x.length), step, mel })).output.data
  }
  const own = {
    async noise({ audio, mel }) {
      return timed(async () => {
        own.result = await run(audio, 2, melOf(mel))
      })
    },
    async synthesis(workload) {
      return timed(async () => {
        const mel = melOf(workload.mel)
        if (!whole) {
          own.result = await sixSteps(workload, (pass, x) => run(x, pass, mel))
          return
        }
        const { data, rows } = noiseRows(workload)
        own.result = (await session.run({ mel, noise: tensor(data, 1, rows, workload.samples) })).audio.data
      })
    },
    dispose: () => session.release(),
  }
  return own
}
