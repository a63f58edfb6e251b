/** The native engine of this project. */

import { Denoiser } from '../../dist/denoiser/denoiser.js'
import { createNativeEngine, surveyNative } from '../../dist/engines/native/engine.js'
import { Vocoder } from '../../dist/vocoder.js'
import { timed } from '../support/interleave.mjs'

export { measurePeak } from '../../dist/engines/native/engine.js'

/** Instruction sets that this processor supports, fastest first. */
export function instructionSets() {
  const { available, reason, instructionSets: present } = surveyNative()
  if (!available) throw new Error(`nothing to measure: ${reason}`)
  return present.filter(name => name !== 'scalar')
}

/** The native engine, and for several threads also with one thread, to measure how it scales. */
export async function openWithOneThread(workload, threads) {
  const engines = { native: await openNative(workload, { threads }) }
  if (threads > 1) engines['native:one-thread'] = await openNative(workload, { threads: 1 })
  return engines
}

export async function openNative({ config, parameters }, { threads, instructionSet = undefined }) {
  const engine = await createNativeEngine({
    network: config.network,
    parameters,
    threads,
    ...(instructionSet === undefined ? {} : { instructionSet }),
  })
  const vocoder = new Vocoder(new Denoiser(config, engine))
  const own = {
    /** Predicts ε of a clip. The time includes projecting the mel. */
    async noise({ audio, step, mel }) {
      const seconds = await timed(async () => {
        ;[own.result] = await engine.predict({ audio: [audio], steps: [step], mel: [mel] })
      })
      return seconds
    },
    /** Converts a mel to a waveform in six steps. */
    async synthesis({ mel, seed }) {
      return timed(async () => {
        const { samples } = await vocoder.synthesize(mel, { seed, steps: 6 })
        own.result = samples
      })
    },
    async training({ batch }) {
      return timed(async () => {
        own.result = (await engine.lossGradients(batch)).gradients
      })
    },
    dispose: () => engine.dispose(),
  }
  return own
}
