/** This project's native engine. */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { createNativeEngine } from '../../dist/engines/native.js'
import { shapeNumbers } from '../../dist/engines/native-addon.js'
import { Model } from '../../dist/model.js'
import { Vocoder } from '../../dist/vocoder.js'
import { timed } from '../support/interleave.mjs'

function addon() {
  const path = `../../prebuilds/${process.platform}-${process.arch}/diffwave.node`
  return createRequire(import.meta.url)(fileURLToPath(new URL(path, import.meta.url)))
}

/** Instruction sets that run here, best first. */
export function instructionSets() {
  return addon().targets()
}

/** FLOP/s of multiply-adds on registers, by so many threads. */
export function measurePeak(config, instructionSet, threads) {
  const native = addon()
  const handle = native.create(shapeNumbers(config.network), instructionSet, threads, 2 ** 20)
  try {
    return native.measurePeak(handle)
  } finally {
    native.dispose(handle)
  }
}

export async function openNative({ config, parameters }, { threads, instructionSet }) {
  const engine = await createNativeEngine({
    network: config.network,
    parameters,
    threads,
    ...(instructionSet === undefined ? {} : { instructionSet }),
  })
  const vocoder = new Vocoder(new Model(config, engine))
  const own = {
    /** ε of a clip, its mel's part counted. */
    async noise({ audio, step, mel }) {
      const seconds = await timed(async () => {
        ;[own.result] = await engine.predictNoise({ audio: [audio], steps: [step], mel: [mel] })
      })
      return seconds
    },
    /** Mel to waveform. `steps` below the schedule's length stop early: for the cost of one more step. */
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
