/** The TensorFlow.js engine of this project, on WebAssembly with one thread. */
import { createEngine } from '../../dist/engines/select.js'
import { timed } from '../support/interleave.mjs'

export async function openTensorflow({ config, parameters }) {
  const engine = await createEngine(config.network, parameters, { engine: 'tensorflow:wasm' })
  const own = {
    async noise({ audio, step, mel }) {
      return timed(async () => {
        ;[own.result] = await engine.predict({ audio: [audio], steps: [step], mel: [mel] })
      })
    },
    dispose: () => engine.dispose(),
  }
  return own
}
