/**
 * `npm run bench`: compares the native engine with ONNX Runtime, PyTorch and TensorFlow.js, which take turns in one
 * run (docs/performance.md). An engine that is not installed or computes a different result is left out.
 *
 * usage: npm run bench -- [--quick] [--json] [--channels 32,64,128] [--seconds 1,10,60] [--threads 1,2]
 *          [--paths step,synthesis,training,vocoders] [--budget SECONDS] [--onnxruntime FOLDER] [--python PATH]
 * --quick: 64 channels, 1 s, 2 threads
 * --json: one line of JSON on stdout, notes on stderr
 * --budget: seconds of timing per case (default: 30, quick: 12)
 */
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { build } from '../scripts/build.mjs'

await build({ ifMissing: true })

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    channels: { type: 'string' },
    seconds: { type: 'string' },
    threads: { type: 'string' },
    paths: { type: 'string', default: 'step,synthesis,training,vocoders' },
    budget: { type: 'string' },
    onnxruntime: { type: 'string' },
    python: { type: 'string' },
  },
})
const { quick, json } = options
const numbers = (text, fallback) => (text === undefined ? fallback : text.split(',').map(Number))
const shapes = {
  channels: numbers(options.channels, quick ? [64] : [64, 32, 128]),
  seconds: numbers(options.seconds, quick ? [1] : [1, 10, 60]),
  threads: numbers(options.threads, quick ? [2] : [2, 1]),
}
const paths = options.paths.split(',')
const budget = options.budget === undefined ? (quick ? 12 : 30) : Number(options.budget)
const note = text => process.stderr.write(`${text}\n`)

const { howToGet: howToGetOnnxruntime, findOnnxruntime } = await import('./engines/onnxruntime.mjs')
const { howToGet: howToGetPytorch, findPytorch } = await import('./engines/pytorch.mjs')
const { MAX_OTHERS_SHARE, watchLoad } = await import('./support/load.mjs')
const { synthesisWorkload, trainingWorkload } = await import('./support/workload.mjs')
const { benchStep, olderSets } = await import('./step.mjs')
const { benchSynthesis } = await import('./synthesis.mjs')
const { benchTraining } = await import('./training.mjs')
const { benchVocoders } = await import('./vocoders.mjs')

const installed = { ort: findOnnxruntime(options.onnxruntime), python: findPytorch(options.python), tensorflow: true }
if (installed.ort === null) note(`onnxruntime is not installed: ${howToGetOnnxruntime}`)
if (installed.python === null) note(`pytorch is not installed: ${howToGetPytorch}`)

const load = watchLoad()
await new Promise(resolve => setTimeout(resolve, 1000))
const othersBefore = load.othersShare()

/** Maximum seconds of audio per engine: for longer clips, one call takes too long or needs too much memory. */
const MAX_SECONDS = { python: 10, ort: 60, tensorflow: 1 }
const installedFor = seconds =>
  Object.fromEntries(
    Object.entries(installed).map(([name, found]) => [name, seconds <= MAX_SECONDS[name] ? found : null]),
  )

const log = json ? undefined : note
const cases = []
for (const threads of shapes.threads) {
  for (const channels of shapes.channels) {
    for (const seconds of shapes.seconds) {
      const shape = { channels, seconds, threads }
      const settings = { ...shape, installed: installedFor(seconds), budget, log }
      /** @type {Record<string, any>} */
      const result = { ...shape }
      const workload = synthesisWorkload(channels, seconds)
      if (paths.includes('step')) result.step = await benchStep(workload, settings)
      if (paths.includes('synthesis')) result.synthesis = await benchSynthesis(workload, settings)
      if (paths.includes('training') && seconds === shapes.seconds[0]) {
        result.training = await benchTraining(trainingWorkload(channels, 4, 15872), settings)
      }
      if (paths.includes('vocoders') && channels === shapes.channels[0]) {
        result.vocoders = await benchVocoders(settings)
      }
      cases.push(result)
      if (!json) print(result)
    }
  }
}

/** The largest share of the machine that other processes used during one of the paths. */
function othersShare({ step, synthesis, training, vocoders }) {
  return Math.max(...[step, synthesis, training, vocoders].map(path => path?.othersShare ?? 0))
}

function percent(share) {
  return `${(100 * share).toFixed(0)} %`
}

function print(result) {
  const { channels, seconds, threads } = result
  const others = othersShare(result)
  const invalid = others > MAX_OTHERS_SHARE ? `  INVALID: other processes used ${percent(others)} of the machine` : ''
  console.log(`\n${channels} channels × 30 layers, ${seconds} s of audio, ${threads} threads${invalid}`)
  for (const name of ['step', 'synthesis', 'training']) {
    const path = result[name]
    if (path === undefined) continue
    const peak = `${percent(path.shareOfPeak)} of the peak`
    const real = path.realTimeFactor === undefined ? '' : `, real-time factor ${path.realTimeFactor.toFixed(2)}`
    console.log(`  ${name}: native ${path.seconds.native.toFixed(3)} s, ${peak}${real} (${path.rounds} rounds)`)
    if (path.peakGflops !== undefined) console.log(`    peak: ${path.peakGflops.toFixed(0)} GFLOP/s`)
    for (const set of olderSets) {
      const share = path[`${set}ShareOfPeak`]
      if (share !== undefined) console.log(`    ${set} forced: ${percent(share)} of its own peak`)
    }
    for (const [engine, ratio] of Object.entries(path.ratios)) {
      console.log(`    ${engine}: ${path.seconds[engine].toFixed(3)} s, ${ratio.toFixed(2)} × native`)
    }
    for (const [engine, reason] of Object.entries(path.leftOut)) console.log(`    ${engine} left out: ${reason}`)
  }
  if (result.vocoders !== undefined) printVocoders(result.vocoders)
}

function printVocoders({ first, seconds, realTimeFactor, ratios, leftOut, rounds }) {
  const own = `${first} ${seconds[first].toFixed(3)} s, real-time factor ${realTimeFactor.toFixed(2)}`
  console.log(`  mel to waveform: ${own} (${rounds} rounds)`)
  for (const [name, ratio] of Object.entries(ratios)) {
    console.log(`    ${name}: ${seconds[name].toFixed(3)} s, ${ratio.toFixed(2)} × ${first}`)
  }
  for (const [name, reason] of Object.entries(leftOut)) console.log(`    ${name} left out: ${reason}`)
}

const others = Math.max(...cases.map(othersShare))
const valid = others <= MAX_OTHERS_SHARE
if (json) {
  const [{ step, synthesis, training, vocoders, ...shape }] = cases
  const flat = {
    valid,
    othersShare: others,
    othersBefore,
    machine: `${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores`,
    ...shape,
    peakGflops: step?.peakGflops,
    shareOfPeak: step?.shareOfPeak,
    ...Object.fromEntries(olderSets.map(set => [`${set}ShareOfPeak`, step?.[`${set}ShareOfPeak`]])),
    step: step?.seconds,
    ratios: step?.ratios,
    synthesis: synthesis?.seconds,
    synthesisRatios: synthesis?.ratios,
    realTimeFactor: synthesis?.realTimeFactor,
    synthesisShareOfPeak: synthesis?.shareOfPeak,
    training: training?.seconds,
    trainingRatios: training?.ratios,
    trainingShareOfPeak: training?.shareOfPeak,
    vocoders,
    leftOut: { ...step?.leftOut, ...synthesis?.leftOut, ...training?.leftOut },
    ...(cases.length > 1 ? { cases } : {}),
  }
  console.log(JSON.stringify(flat))
} else if (!valid) console.log(`\nINVALID: other processes used up to ${percent(others)} of the machine`)
