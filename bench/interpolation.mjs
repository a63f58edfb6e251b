// Interpolates between pairs of clips and prints, by mix λ, the log-spectral distance of the result to either clip,
// and for comparison that of the plain mixture of both waveforms.
// usage: npm run build && node bench/interpolation.mjs --recordings FOLDER [--model digits] [--pairs 10] [--step T]
//          [--sampler NAME] [--engine auto]
import { Generator } from '../dist/index.js'
import { loadRecording, options, recordings } from './support/repair-bench.mjs'
import { logSpectralDistance, mean } from './support/repair-metrics.mjs'

const settings = options({
  recordings: { required: true },
  model: { default: 'digits' },
  pairs: { default: '10' },
  step: {},
  sampler: {},
  engine: { default: 'auto' },
})
const FFT_SIZE = 256
const MIXES = [0, 0.25, 0.5, 0.75, 1]

const generator = await Generator.load(settings.model, { engine: settings.engine })
const { sampleRate } = generator
const length = Math.round(sampleRate * generator.config.clipSeconds)
const files = recordings(settings.recordings)

/** A recording, cut or padded with silence to the length of the model's clips. */
async function clip(index) {
  const samples = await loadRecording(files[index % files.length], sampleRate)
  const padded = new Float32Array(length)
  padded.set(samples.subarray(0, length))
  return padded
}

// Pairs are spread over the folder and half of it apart: if files are sorted by label, their labels differ.
const pairs = Number(settings.pairs)
const stride = Math.floor(files.length / pairs)
const half = Math.floor(files.length / 2)
const distances = MIXES.map(() => ({ first: [], second: [], plainFirst: [], plainSecond: [] }))
for (let pair = 0; pair < pairs; pair++) {
  const [a, b] = [await clip(pair * stride), await clip(pair * stride + half)]
  const distance = (original, audio) => logSpectralDistance(original, audio, sampleRate, FFT_SIZE)
  for (const [i, mix] of MIXES.entries()) {
    const interpolated = await generator.interpolate(
      { samples: a, sampleRate },
      { samples: b, sampleRate },
      {
        mix,
        seed: 1,
        ...(settings.step === undefined ? {} : { step: Number(settings.step) }),
        ...(settings.sampler === undefined ? {} : { sampler: settings.sampler }),
      },
    )
    const plain = a.map((x, n) => (1 - mix) * x + mix * b[n])
    distances[i].first.push(distance(a, interpolated.samples))
    distances[i].second.push(distance(b, interpolated.samples))
    distances[i].plainFirst.push(distance(a, plain))
    distances[i].plainSecond.push(distance(b, plain))
  }
}
for (const [i, mix] of MIXES.entries()) {
  const { first, second, plainFirst, plainSecond } = distances[i]
  const text = values => mean(values).toFixed(1)
  console.log(
    `λ ${mix}: ${text(first)} dB to the first clip, ${text(second)} dB to the second ` +
      `(mixture of the waveforms: ${text(plainFirst)} and ${text(plainSecond)} dB)`,
  )
}
await generator.dispose()
