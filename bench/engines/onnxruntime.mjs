/**
 * ONNX Runtime (`onnxruntime-node`) on the same network and weights: as one graph, or split so that the mel is
 * projected only once. It is not a dependency, since its install script downloads files and fails without a network.
 */
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { gaussian } from '../../dist/core/random.js'
import { timed } from '../support/interleave.mjs'
import { onnxNetwork, onnxSplit } from '../support/onnx.mjs'

export const howToGet = 'ONNXRUNTIME_NODE_INSTALL=skip npm install --no-save onnxruntime-node (or --onnxruntime FOLDER)'

/** The package, from the node_modules of this repository or of another folder; null if it is not installed. */
export function findOnnxruntime(folder) {
  try {
    const from = folder === undefined ? import.meta.url : join(resolve(folder), 'package.json')
    return createRequire(from)('onnxruntime-node')
  } catch {
    return null
  }
}

/** Six steps of the published sampler, with the same noise as the native engine; `noise(pass, x)` is the network. */
async function sixSteps({ sampler, samples, seed }, noise) {
  let state = { x: gaussian(seed, 0, 0, samples), carried: null }
  const passes = sampler.steps.length
  for (let pass = 0; pass < passes; pass++) {
    const eps = await noise(pass, state.x)
    const fresh = sampler.needsNoise(pass) ? gaussian(seed, passes - 1 - pass, 0, samples) : null
    state = sampler.update(pass, state, eps, fresh)
  }
  return state.x
}

export async function openOnnxruntime(ort, { config, parameters, sinusoids }, { threads, split = false }) {
  const { network } = config
  const settings = { intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: 'all' }
  const create = bytes => ort.InferenceSession.create(bytes, settings)
  const { size } = network.stepEmbedding
  const tensor = (data, ...dims) => new ort.Tensor('float32', data, dims)
  const sinusoidsOf = pass => tensor(sinusoids.subarray(pass * size, (pass + 1) * size), 1, size)
  const melOf = mel => tensor(mel.data, 1, mel.bands, mel.frames)
  const files = split ? onnxSplit(network, parameters) : { step: onnxNetwork(network, parameters) }
  const step = await create(files.step)
  const melPart = split ? await create(files.mel) : null
  /** The inputs of every step that do not depend on it. */
  const prepared = async mel => (split ? melPart.run({ mel: melOf(mel) }) : { mel: melOf(mel) })
  const run = async (x, pass, more) => {
    const { noise } = await step.run({ audio: tensor(x, 1, 1, x.length), sinusoids: sinusoidsOf(pass), ...more })
    return noise.data
  }
  const own = {
    async noise({ audio, mel }) {
      return timed(async () => {
        own.result = await run(audio, 2, await prepared(mel))
      })
    },
    async synthesis(workload) {
      return timed(async () => {
        const more = await prepared(workload.mel)
        own.result = await sixSteps(workload, (pass, x) => run(x, pass, more))
      })
    },
    async dispose() {
      await step.release()
      await melPart?.release()
    },
  }
  return own
}
