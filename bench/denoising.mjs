// Denoises clips with added white noise and babble, and prints the log-spectral distance to the clean clip before and
// after.
// usage: npm run build && node bench/denoising.mjs --recordings FOLDER [--model digits] [--limit 30] [--steps N]
//          [--sampler NAME] [--labels] [--level estimate|snr] [--factor 1] [--engine auto]
// --labels: tell the model each clip's label, which is its folder's name or its file name up to the first underscore
// --level snr: tell the model the true signal-to-noise ratio, or with --factor 2 that of noise twice as loud
import { basename, dirname } from 'node:path'
import { Generator } from '../dist/index.js'
import { loadRecording, options, recordings } from './support/repair-bench.mjs'
import { addNoise, babble, logSpectralDistance, mean, whiteNoise } from './support/repair-metrics.mjs'

const settings = options({
  recordings: { required: true },
  model: { default: 'digits' },
  limit: { default: '30' },
  steps: {},
  sampler: {},
  labels: { type: 'boolean', default: false },
  level: { default: 'estimate' },
  factor: { default: '1' },
  engine: { default: 'auto' },
})
const VOICES = 6
const FFT_SIZE = 256

const generator = await Generator.load(settings.model, { engine: settings.engine })
const { sampleRate } = generator
const all = recordings(settings.recordings)
const count = Math.min(Number(settings.limit), all.length)
// Spread over the folder, so that all speakers and labels occur.
const files = Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)])
const voices = []
for (let i = 0; i < VOICES; i++) {
  voices.push(await loadRecording(all[Math.floor(((i + 0.5) * all.length) / VOICES)], sampleRate))
}

function labelOf(file) {
  const candidates = [basename(dirname(file)), basename(file).split('_')[0]]
  return candidates.find(name => generator.labels.includes(name))
}

async function denoise(samples, decibels, file) {
  const label = settings.labels ? labelOf(file) : undefined
  const denoised = await generator.denoise(
    { samples, sampleRate },
    {
      seed: 1,
      ...(settings.level === 'snr' ? { snr: decibels - 20 * Math.log10(Number(settings.factor)) } : {}),
      ...(settings.steps === undefined ? {} : { steps: Number(settings.steps) }),
      ...(settings.sampler === undefined ? {} : { sampler: settings.sampler }),
      ...(label === undefined ? {} : { label }),
    },
  )
  return denoised.samples
}

for (const kind of ['white', 'babble']) {
  for (const decibels of [5, 10, 15]) {
    const before = []
    const after = []
    const started = performance.now()
    for (const [index, file] of files.entries()) {
      const clean = await loadRecording(file, sampleRate)
      const noise = kind === 'white' ? whiteNoise(clean.length, index) : babble(voices, clean.length, index)
      const noisy = addNoise(clean, noise, decibels)
      const denoised = await denoise(noisy, decibels, file)
      before.push(logSpectralDistance(clean, noisy, sampleRate, FFT_SIZE))
      after.push(logSpectralDistance(clean, denoised, sampleRate, FFT_SIZE))
    }
    const improved = before.filter((value, i) => after[i] < value).length
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    console.log(
      `${kind} noise, SNR ${decibels} dB: log-spectral distance ${mean(before).toFixed(2)} → ` +
        `${mean(after).toFixed(2)} dB, improved in ${improved} of ${files.length} clips, ${seconds} s`,
    )
  }
}
await generator.dispose()
