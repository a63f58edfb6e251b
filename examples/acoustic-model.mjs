// Text to speech: an acoustic model (ONNX) makes the mel, diffwave streams the audio of it.
// usage: node examples/acoustic-model.mjs acoustic.onnx "3 1 4 1 5" speech.wav [vocoder]
// The acoustic model takes token ids, int64 [1, tokens], and returns a mel, [1, bands, frames] or [1, frames, bands].
// FastPitch and FastSpeech 2 write natural logarithms. Matcha's are also normalised: export it with the denormalised
// output, or pass its statistics to rescaleMel as in docs/mel-spectrograms.md.
// needs: npm install onnxruntime-node (or onnxruntime-web, which is slower and runs everywhere)
import { rescaleMel, Vocoder, writeWavStream } from 'diffwave'

const [acousticPath, tokens, wavPath, vocoderName = 'speech'] = process.argv.slice(2)

const ort = await import('onnxruntime-node').catch(() => import('onnxruntime-web'))
const acoustic = await ort.InferenceSession.create(acousticPath)
const ids = BigInt64Array.from(tokens.trim().split(/\s+/), BigInt)
const input = new ort.Tensor('int64', ids, [1, ids.length])
const outputs = await acoustic.run({ [acoustic.inputNames[0]]: input })
const { data, dims } = outputs[acoustic.outputNames[0]]

const vocoder = await Vocoder.load(vocoderName)
const convention = vocoder.config.mel
// FastSpeech 2 has [1, frames, bands].
const transposed = dims[1] !== convention.bands
const [bands, frames] = transposed ? [dims[2], dims[1]] : [dims[1], dims[2]]
const values = transposed
  ? Float32Array.from(data, (_, i) => data[(i % frames) * bands + Math.floor(i / frames)])
  : Float32Array.from(data)
const mel = rescaleMel({ data: values, bands, frames }, { logarithm: 'ln' }, convention)

// Audio is written while it is being made.
const stream = vocoder.stream(mel, { seed: 1 })
await writeWavStream(wavPath, stream)
console.log(`${frames} frames, ${((frames * convention.hop) / stream.sampleRate).toFixed(2)} s`)
await vocoder.dispose()
