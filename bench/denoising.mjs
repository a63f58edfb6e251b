// Held-out clips in white and in babble noise, before and after a generator's denoising: log-spectral distance to the clean clip.
// usage: npm run build && node bench/denoising.mjs --model digits --clips folder [--limit n] [--steps n] [--sampler s] [--labels yes] [--level estimate|snr]
import { basename, dirname } from 'node:path'
import { Generator } from '../dist/index.js'
import {
  addNoise,
  babble,
  logSpectralDistance,
  mean,
  options,
  recordings,
  samplesOf,
  whiteNoise,
} from './repair-measures.mjs'

const {
  model: name,
  clips,
  limit,
  steps,
  sampler,
  labels,
  level,
  factor,
  engine,
} = options({
  model: 'digits',
  clips: 'shared/data/digits-fsdd',
  limit: '30',
  steps: '',
  sampler: '',
  labels: 'no',
  level: 'estimate',
  // Noise taken to be so many times what it is: 1 is the exact match.
  factor: '1',
  engine: 'auto',
})
const VOICES = 6

const generator = await Generator.load(name, { engine })
const { sampleRate } = generator
const all = recordings(clips)
// Spread over the folder, so that all speakers and digits are in.
const files = Array.from(
  { length: Math.min(Number(limit), all.length) },
  (_, i) => all[Math.floor((i * all.length) / Math.min(Number(limit), all.length))],
)
const read = file => samplesOf(file, sampleRate)
const voices = []
for (let i = 0; i < VOICES; i++) voices.push(await read(all[Math.floor(((i + 0.5) * all.length) / VOICES)]))

for (const kind of ['white', 'babble']) {
  for (const decibels of [5, 10, 15]) {
    const before = []
    const after = []
    const began = performance.now()
    for (const [index, file] of files.entries()) {
      const clean = await read(file)
      const noise = kind === 'white' ? whiteNoise(clean.length, index) : babble(voices, clean.length, index)
      const noisy = addNoise(clean, noise, decibels)
      const label =
        labels === 'yes'
          ? [basename(dirname(file)), basename(file).split('_')[0]].find(text => generator.labels.includes(text))
          : undefined
      const made = await generator.denoise(
        { samples: noisy, sampleRate },
        {
          seed: 1,
          ...(level === 'snr' ? { snr: decibels - 20 * Math.log10(Number(factor)) } : {}),
          ...(steps === '' ? {} : { steps: Number(steps) }),
          ...(sampler === '' ? {} : { sampler }),
          ...(label === undefined ? {} : { label }),
        },
      )
      before.push(logSpectralDistance(clean, noisy, sampleRate, 256))
      after.push(logSpectralDistance(clean, made.samples, sampleRate, 256))
    }
    const better = before.filter((value, i) => after[i] < value).length
    console.log(
      `${kind} ${decibels} dB: ${mean(before).toFixed(2)} → ${mean(after).toFixed(2)} dB, lower in ${better} of ${files.length}, ${((performance.now() - began) / 1000).toFixed(1)} s`,
    )
  }
}
await generator.dispose()
