// Turns a mel spectrogram, as a text-to-speech model writes it, into a WAV file.
import { readMel, Vocoder } from 'diffwave'

const [melPath, wavPath, model = 'speech'] = process.argv.slice(2)
if (wavPath === undefined) {
  console.error('usage: node vocode.mjs mel.npy speech.wav [model]')
  process.exit(2)
}

const vocoder = await Vocoder.load(model)
// The number of bands tells a transposed mel from a normal one. The mel must follow vocoder.config.mel.
const { mel } = await readMel(melPath, { bands: vocoder.config.mel.bands })
const speech = await vocoder.synthesize(mel, { seed: 1 })
await speech.save(wavPath)
console.log(`${(speech.samples.length / speech.sampleRate).toFixed(2)} s in ${speech.steps} steps`)
await vocoder.dispose()
