// Gaps of 50 and 100 ms in recordings, filled by a model, by silence and by a straight line: log-spectral distance to the original
// over the gap with 20 ms on either side, and clicks at its edges.
// usage: npm run build && node bench/inpainting.mjs --model speech [--reference folder] [--limit n] [--gaps 4] [--steps n] [--rounds n] [--sampler s] [--fade s]

import { uniform } from '../dist/core/random.js'
import { Generator, loadModel, Vocoder } from '../dist/index.js'
import {
  click,
  logSpectralDistance,
  mean,
  median,
  options,
  recordings,
  rootMeanSquare,
  samplesOf,
} from './repair-measures.mjs'

const {
  model: name,
  reference,
  limit,
  gaps,
  steps,
  rounds,
  sampler,
  fade,
  seed,
  engine,
} = options({
  model: 'speech',
  reference: 'shared/data/eval-ljspeech/original',
  limit: '16',
  gaps: '4',
  steps: '',
  rounds: '',
  sampler: '',
  fade: '',
  seed: '1',
  engine: 'auto',
})
const sampling = {
  ...(steps === '' ? {} : { steps: Number(steps) }),
  ...(rounds === '' ? {} : { rounds: Number(rounds) }),
  ...(sampler === '' ? {} : { sampler }),
  ...(fade === '' ? {} : { fade: Number(fade) }),
}

/** Places of gaps where the recording sounds: louder than 30 dB below its own mean level, a second apart if it is long enough. */
function places(samples, sampleRate, length, count, draw) {
  const found = []
  const level = rootMeanSquare(samples)
  for (let i = 0; found.length < count && i < 200; i++) {
    const start = Math.floor((0.1 + 0.8 * uniform(Number(seed), draw, i)) * (samples.length - length))
    const loud = rootMeanSquare(samples.subarray(start, start + length)) > level / 30
    if (loud && found.every(other => Math.abs(other - start) > 0.5 * sampleRate)) found.push(start)
  }
  return found
}

const straight = (samples, start, end) => {
  const filled = samples.slice()
  const [left, right] = [samples[start - 1], samples[end]]
  for (let i = start; i < end; i++) filled[i] = left + ((right - left) * (i - start + 1)) / (end - start + 1)
  return filled
}

const model = await loadModel(name, { engine })
const repairer = model.config.kind === 'vocoder' ? new Vocoder(model) : new Generator(model)
const { sampleRate } = model.config
const files = recordings(reference).slice(0, Number(limit))
for (const milliseconds of [50, 100]) {
  const length = Math.round((milliseconds * sampleRate) / 1000)
  const around = Math.round(0.02 * sampleRate)
  const results = { silence: [], line: [], model: [] }
  const clicks = { silence: [], line: [], model: [], 'the recording itself': [] }
  let elapsed = 0
  for (const [index, file] of files.entries()) {
    const samples = await samplesOf(file, sampleRate)
    const starts = places(samples, sampleRate, length, Number(gaps), index)
    const began = performance.now()
    const made = await repairer.inpaint(
      { samples, sampleRate },
      {
        ...sampling,
        seed: Number(seed),
        gaps: starts.map(start => ({ start: start / sampleRate, end: (start + length) / sampleRate })),
      },
    )
    elapsed += performance.now() - began
    for (const start of starts) {
      const end = start + length
      const fills = {
        silence: samples.slice().fill(0, start, end),
        line: straight(samples, start, end),
        model: made.samples,
        'the recording itself': samples,
      }
      const part = audio => audio.subarray(start - around, end + around)
      for (const [fill, filled] of Object.entries(fills)) {
        results[fill]?.push(logSpectralDistance(part(samples), part(filled), sampleRate, 512))
        for (const edge of [start, end])
          clicks[fill].push(click(filled, edge, Math.round(0.003 * sampleRate), sampleRate))
      }
    }
  }
  console.log(
    `${milliseconds} ms, ${results.model.length} gaps in ${files.length} recordings, ${(elapsed / 1000).toFixed(1)} s, ${name}, ${model.engine.name}`,
  )
  for (const [fill, values] of Object.entries(results)) {
    console.log(`  ${fill}: log-spectral distance ${mean(values).toFixed(2)} dB (median ${median(values).toFixed(2)})`)
  }
  for (const [fill, values] of Object.entries(clicks)) {
    const share = values.filter(value => value > 6).length / values.length
    console.log(
      `  ${fill}: sharpest step at an edge ${median(values).toFixed(1)} dB against elsewhere (median), more than 6 dB sharper: ${(100 * share).toFixed(0)} %`,
    )
  }
}
await model.dispose()
