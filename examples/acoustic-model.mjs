// Text to speech: an acoustic model (ONNX) makes the mel, and diffwave streams audio from it.
// KIND: matcha, fastpitch or fastspeech2. For other kinds, the first input is the ids, and the first output the mel.
// The numbers are token ids. statistics.json, {"mel_mean": …, "mel_std": …}, is for models that return normalised mels.
// needs: npm install onnxruntime-node (or onnxruntime-web, which is slower and runs everywhere)
import { readMelStatistics, rescaleMel, Vocoder, writeWavStream } from 'diffwave'

const [kindName, acousticPath, tokens, wavPath, vocoderName = 'speech', statisticsPath] = process.argv.slice(2)
if (wavPath === undefined) {
  console.error('usage: node acoustic-model.mjs KIND acoustic.onnx "3 1 4 1 5" speech.wav [vocoder] [statistics.json]')
  process.exit(2)
}

const ort = await import('onnxruntime-node').catch(() => import('onnxruntime-web'))
const integers = (values, shape) => new ort.Tensor('int64', BigInt64Array.from(values, BigInt), shape)
const floats = (values, shape) => new ort.Tensor('float32', Float32Array.from(values), shape)

// Inputs of each kind, and the output that is the mel. Voice 0 is for models with several voices.
const kinds = {
  // A model that matcha/onnx/export.py of Matcha-TTS wrote. The graph undoes the normalisation.
  matcha: ids => ({
    x: integers(ids, [1, ids.length]),
    x_lengths: integers([ids.length], [1]),
    scales: floats([0.667, 1], [2]), // temperature, and length: 2 is half as fast
    spks: integers([0], [1]),
  }),
  // FastPitch, exported by NVIDIA NeMo.
  fastpitch: ids => ({
    text: integers(ids, [1, ids.length]),
    pitch: floats(Array(ids.length).fill(0), [1, ids.length]), // added to the predicted pitch
    pace: floats(Array(ids.length).fill(1), [1, ids.length]),
    speaker: integers([0], [1]),
  }),
  // ming024/FastSpeech2 has no export of its own: torch.onnx.export with the names of its arguments and outputs.
  fastspeech2: ids => ({
    speakers: integers([0], [1]),
    texts: integers(ids, [1, ids.length]),
    src_lens: integers([ids.length], [1]),
    max_src_len: integers([ids.length], []),
  }),
  other: (ids, [first]) => ({ [first]: integers(ids, [1, ids.length]) }),
}
const melOutputs = { matcha: 'mel', fastpitch: 'spect', fastspeech2: 'postnet_output' }

const acoustic = await ort.InferenceSession.create(acousticPath)
const possible = kinds[kindName](tokens.trim().split(/\s+/).map(Number), acoustic.inputNames)
const inputs = Object.fromEntries(Object.entries(possible).filter(([name]) => acoustic.inputNames.includes(name)))
const outputs = await acoustic.run(inputs)
const { data, dims } = outputs[melOutputs[kindName] ?? acoustic.outputNames[0]]

const vocoder = await Vocoder.load(vocoderName)
const convention = vocoder.config.mel
// FastSpeech 2 has [1, frames, bands].
const transposed = dims[1] !== convention.bands
const [bands, frames] = transposed ? [dims[2], dims[1]] : [dims[1], dims[2]]
const values = transposed
  ? Float32Array.from(data, (_, i) => data[(i % frames) * bands + Math.floor(i / frames)])
  : Float32Array.from(data)
// All three kinds write natural logarithms.
const statistics = statisticsPath && (await readMelStatistics(statisticsPath))
const mel = rescaleMel(
  { data: values, bands, frames },
  { logarithm: 'ln', statistics: statistics || undefined },
  convention,
)

// Audio is written while it is being made.
const stream = vocoder.stream(mel, { seed: 1 })
await writeWavStream(wavPath, stream)
console.log(`${frames} frames, ${((frames * convention.hop) / stream.sampleRate).toFixed(2)} s`)
await vocoder.dispose()
