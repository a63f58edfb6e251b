/** The wasm engine of this project on one thread, with each build that this Node.js runs. */
import { createWasmEngine, surveyWasm } from '../../dist/engines/wasm/engine.js'
import { timed } from '../support/interleave.mjs'

/** The engines by name. Node.js 20 needs `--experimental-wasm-relaxed-simd` for the second. */
export async function openWasm({ config, parameters }) {
  const engines = {}
  for (const instructionSet of surveyWasm().instructionSets) {
    const engine = await createWasmEngine({ network: config.network, parameters, threads: 1, instructionSet })
    const own = {
      async noise({ audio, step, mel }) {
        return timed(async () => {
          ;[own.result] = await engine.predict({ audio: [audio], steps: [step], mel: [mel] })
        })
      },
      dispose: () => engine.dispose(),
    }
    engines[`wasm:${instructionSet}`] = own
  }
  return engines
}
