// Fills gaps of 50 and 100 ms in recordings with a model, with silence and with a straight line. Prints the
// log-spectral distance to the original over the gap and 20 ms on either side, and how often the edges click.
// usage: npm run build && node bench/inpainting.mjs --recordings FOLDER [--model speech] [--limit 16] [--gaps 4]
//          [--steps N] [--rounds N] [--sampler NAME] [--fade SECONDS] [--seed 1] [--engine auto]
import { uniform } from '../dist/core/random.js'
import { Generator, loadModel, Vocoder } from '../dist/index.js'
import { loadRecording, options, recordings } from './support/repair-bench.mjs'
import { edgeSharpness, logSpectralDistance, mean, median, rootMeanSquare } from './support/repair-metrics.mjs'

const settings = options({
  recordings: { required: true },
  model: { default: 'speech' },
  limit: { default: '16' },
  gaps: { default: '4' },
  steps: {},
  rounds: {},
  sampler: {},
  fade: {},
  seed: { default: '1' },
  engine: { default: 'auto' },
})
const seed = Number(settings.seed)
const sampling = {
  ...(settings.steps === undefined ? {} : { steps: Number(settings.steps) }),
  ...(settings.rounds === undefined ? {} : { rounds: Number(settings.rounds) }),
  ...(settings.sampler === undefined ? {} : { sampler: settings.sampler }),
  ...(settings.fade === undefined ? {} : { fade: Number(settings.fade) }),
}
const FFT_SIZE = 512
const CONTEXT_SECONDS = 0.02
const EDGE_SECONDS = 0.003
/** Edges that are this much sharper than their surroundings count as clicks. */
const CLICK_DECIBELS = 6
const MAX_DRAWS = 200

/**
 * Random starts of gaps, at least half a second apart. A gap must not fall into silence: it has to be louder than 30 dB
 * below the recording's own level.
 */
function gapStarts(samples, sampleRate, length, draw) {
  const starts = []
  const level = rootMeanSquare(samples)
  for (let i = 0; starts.length < Number(settings.gaps) && i < MAX_DRAWS; i++) {
    const start = Math.floor((0.1 + 0.8 * uniform(seed, draw, i)) * (samples.length - length))
    const audible = rootMeanSquare(samples.subarray(start, start + length)) > level / 30
    if (audible && starts.every(other => Math.abs(other - start) > 0.5 * sampleRate)) starts.push(start)
  }
  return starts
}

function straightLine(samples, start, end) {
  const filled = samples.slice()
  const [left, right] = [samples[start - 1], samples[end]]
  for (let i = start; i < end; i++) filled[i] = left + ((right - left) * (i - start + 1)) / (end - start + 1)
  return filled
}

const model = await loadModel(settings.model, { engine: settings.engine })
const repairer = model.config.kind === 'vocoder' ? new Vocoder(model) : new Generator(model)
const { sampleRate } = model.config
const files = recordings(settings.recordings).slice(0, Number(settings.limit))
const context = Math.round(CONTEXT_SECONDS * sampleRate)
const edgeReach = Math.round(EDGE_SECONDS * sampleRate)

async function measure(milliseconds) {
  const length = Math.round((milliseconds * sampleRate) / 1000)
  const distances = { silence: [], line: [], model: [] }
  const edges = { silence: [], line: [], model: [], original: [] }
  let elapsed = 0
  for (const [index, file] of files.entries()) {
    const samples = await loadRecording(file, sampleRate)
    const starts = gapStarts(samples, sampleRate, length, index)
    const gaps = starts.map(start => ({ start: start / sampleRate, end: (start + length) / sampleRate }))
    const started = performance.now()
    const inpainted = await repairer.inpaint({ samples, sampleRate }, { ...sampling, seed, gaps })
    elapsed += performance.now() - started
    for (const start of starts) {
      const end = start + length
      const versions = {
        silence: samples.slice().fill(0, start, end),
        line: straightLine(samples, start, end),
        model: inpainted.samples,
        original: samples,
      }
      const part = audio => audio.subarray(start - context, end + context)
      for (const [name, version] of Object.entries(versions)) {
        distances[name]?.push(logSpectralDistance(part(samples), part(version), sampleRate, FFT_SIZE))
        for (const edge of [start, end]) edges[name].push(edgeSharpness(version, edge, edgeReach, sampleRate))
      }
    }
  }
  return { distances, edges, seconds: elapsed / 1000 }
}

for (const milliseconds of [50, 100]) {
  const { distances, edges, seconds } = await measure(milliseconds)
  console.log(
    `${distances.model.length} gaps of ${milliseconds} ms in ${files.length} recordings, ${seconds.toFixed(1)} s, ` +
      `model ${settings.model}, engine ${model.engine.name}`,
  )
  for (const [name, values] of Object.entries(distances)) {
    const text = `${mean(values).toFixed(2)} dB (median ${median(values).toFixed(2)})`
    console.log(`  ${name}: log-spectral distance ${text}`)
  }
  for (const [name, values] of Object.entries(edges)) {
    const clicks = (100 * values.filter(value => value > CLICK_DECIBELS).length) / values.length
    console.log(
      `  ${name}: median edge sharpness ${median(values).toFixed(1)} dB, ` +
        `${clicks.toFixed(0)} % of edges above ${CLICK_DECIBELS} dB`,
    )
  }
}
await model.dispose()
