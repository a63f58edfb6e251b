/** Compares trained models of this project with other vocoders in ONNX Runtime, from mel to waveform. */
import { gaussian } from '../dist/core/random.js'
import { Vocoder } from '../dist/vocoder.js'
import { howToGet } from './engines/onnxruntime.mjs'
import { openOtherVocoder, otherVocoders } from './engines/other-vocoders.mjs'
import { interleave, timed } from './support/interleave.mjs'
import { watchLoad } from './support/load.mjs'
import { SAMPLE_RATE } from './support/workload.mjs'

const HOP = 256
const BANDS = 80

/** Makes a mel in the range of natural logarithms of magnitudes. */
function melOf(seconds) {
  const frames = Math.max(1, Math.round((seconds * SAMPLE_RATE) / HOP))
  return { data: gaussian(1, 5000, 0, BANDS * frames).map(value => Math.max(-11.5, value - 5)), bands: BANDS, frames }
}

/** Options of the runs of `speech`. */
const own = {
  'models/speech': {},
  'models/speech, fast': { precision: /** @type {const} */ ('fast') },
}

/** @returns seconds and ratios by vocoder, and the reason for each one left out */
export async function benchVocoders({ seconds, threads, installed, budget }) {
  const mel = melOf(seconds)
  const cases = {}
  const leftOut = {}
  const opened = []
  for (const [name, options] of Object.entries(own)) {
    const vocoder = await Vocoder.load('speech', { engine: 'native', threads, ...options })
    opened.push(vocoder)
    cases[name] = () => timed(() => vocoder.synthesize(mel, { seed: 1 }))
  }
  for (const name of Object.keys(otherVocoders)) {
    if (!installed.ort) {
      leftOut[name] = `onnxruntime is not installed: ${howToGet}`
      continue
    }
    try {
      const vocoder = await openOtherVocoder(installed.ort, name, threads)
      opened.push(vocoder)
      await vocoder.vocode(mel)
      if (vocoder.samples !== mel.frames * HOP) throw new Error(`${vocoder.samples} samples, not ${mel.frames * HOP}`)
      cases[name] = () => vocoder.vocode(mel)
    } catch (error) {
      leftOut[name] = String(error.message).split('\n')[0]
    }
  }
  try {
    const warm = {}
    for (const name of Object.keys(cases)) warm[name] = Math.min(await cases[name](), await cases[name]())
    const load = watchLoad()
    const [first] = Object.keys(cases)
    const result = await interleave(cases, warm, { budget, first })
    return {
      ...result,
      first,
      realTimeFactor: result.seconds[first] / seconds,
      othersShare: load.othersShare(),
      leftOut,
    }
  } finally {
    for (const vocoder of opened) await vocoder.dispose()
  }
}
