/**
 * `npm run bench`: the native engine against ONNX Runtime, PyTorch and TensorFlow.js, in turn in one run, as ratios. A rival
 * that is not there, or whose result is not ours, is named with the reason and left out.
 *
 * usage: npm run bench -- [--quick] [--json] [--channels 32,64,128] [--seconds 1,10,60] [--threads 1,2]
 *          [--paths step,synthesis,training] [--budget SECONDS] [--onnxruntime FOLDER] [--python PATH]
 * --quick: 64 channels, 1 s, 2 threads. --json: one line of numbers, notes on stderr. --budget: seconds of timing a case.
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
    paths: { type: 'string', default: 'step,synthesis,training' },
    budget: { type: 'string' },
    onnxruntime: { type: 'string' },
    python: { type: 'string' },
  },
})
const { quick, json } = options
const numbers = (text, otherwise) => (text === undefined ? otherwise : text.split(',').map(Number))
const all = {
  channels: numbers(options.channels, quick ? [64] : [64, 32, 128]),
  seconds: numbers(options.seconds, quick ? [1] : [1, 10, 60]),
  threads: numbers(options.threads, quick ? [2] : [2, 1]),
}
const paths = options.paths.split(',')
const budget = options.budget === undefined ? (quick ? 12 : 30) : Number(options.budget)
const note = text => process.stderr.write(`${text}\n`)

const { howToGet: howToGetOnnxruntime, findOnnxruntime } = await import('./rivals/onnxruntime.mjs')
const { howToGet: howToGetPytorch, findPytorch } = await import('./rivals/pytorch.mjs')
const { MOST_FOREIGN, watchLoad } = await import('./support/load.mjs')
const { synthesisWorkload, trainingWorkload } = await import('./support/workload.mjs')
const { benchStep, older } = await import('./step.mjs')
const { benchSynthesis } = await import('./synthesis.mjs')
const { benchTraining } = await import('./training.mjs')

const rivals = { ort: findOnnxruntime(options.onnxruntime), python: findPytorch(options.python), tensorflow: true }
if (rivals.ort === null) note(`onnxruntime: not there; ${howToGetOnnxruntime}`)
if (rivals.python === null) note(`pytorch: not there; ${howToGetPytorch}`)

const quiet = watchLoad()
await new Promise(resolve => setTimeout(resolve, 1000))
const before = quiet.others()

/** Rivals whose one call over so long a clip would take too long, or too much memory, stay out. */
const LONGEST_WITH = { python: 10, ort: 60, tensorflow: 1 }
const rivalsFor = seconds =>
  Object.fromEntries(
    Object.entries(rivals).map(([name, rival]) => [name, seconds <= LONGEST_WITH[name] ? rival : null]),
  )

const log = json ? undefined : note
const cases = []
for (const threads of all.threads) {
  for (const channels of all.channels) {
    for (const seconds of all.seconds) {
      const shape = { channels, seconds, threads }
      const settings = { ...shape, rivals: rivalsFor(seconds), budget, log }
      const result = { ...shape }
      const workload = synthesisWorkload(channels, seconds)
      if (paths.includes('step')) result.step = await benchStep(workload, settings)
      if (paths.includes('synthesis')) result.synthesis = await benchSynthesis(workload, settings)
      if (paths.includes('training') && seconds === all.seconds[0]) {
        result.training = await benchTraining(trainingWorkload(channels, 4, 15872), settings)
      }
      cases.push(result)
      if (!json) print(result)
    }
  }
}

function others(result) {
  const shares = [result.step, result.synthesis, result.training].map(path => path?.others ?? 0)
  return Math.max(...shares)
}

function print(result) {
  const { channels, seconds, threads } = result
  const foreign = others(result)
  const invalid = foreign > MOST_FOREIGN ? `  INVALID: others took ${(100 * foreign).toFixed(0)} % of the machine` : ''
  console.log(`\n${channels} channels × 30 layers, ${seconds} s of audio, ${threads} threads${invalid}`)
  for (const name of ['step', 'synthesis', 'training']) {
    const path = result[name]
    if (path === undefined) continue
    const peak = `${(100 * path.shareOfPeak).toFixed(0)} % of the peak`
    const real = path.realTimeFactor === undefined ? '' : `, ${path.realTimeFactor.toFixed(2)} of real time`
    console.log(`  ${name}: native ${path.seconds.native.toFixed(3)} s, ${peak}${real} (${path.rounds} rounds)`)
    if (path.peakGflops !== undefined) console.log(`    peak: ${path.peakGflops.toFixed(0)} GFLOP/s`)
    for (const set of older) {
      const share = path[`${set}ShareOfPeak`]
      if (share !== undefined) console.log(`    ${set} forced: ${(100 * share).toFixed(0)} % of its own peak`)
    }
    for (const [rival, ratio] of Object.entries(path.ratios)) {
      console.log(`    ${rival}: ${path.seconds[rival].toFixed(3)} s, ${ratio.toFixed(2)} ×`)
    }
    for (const [rival, reason] of Object.entries(path.left)) console.log(`    ${rival} left out: ${reason}`)
  }
}

const foreign = Math.max(...cases.map(others))
const valid = foreign <= MOST_FOREIGN
if (json) {
  const [{ step, synthesis, training, ...shape }] = cases
  const flat = {
    valid,
    othersShare: foreign,
    othersBefore: before,
    machine: `${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores`,
    ...shape,
    peakGflops: step?.peakGflops,
    shareOfPeak: step?.shareOfPeak,
    ...Object.fromEntries(older.map(set => [`${set}ShareOfPeak`, step?.[`${set}ShareOfPeak`]])),
    step: step?.seconds,
    ratios: step?.ratios,
    synthesis: synthesis?.seconds,
    synthesisRatios: synthesis?.ratios,
    realTimeFactor: synthesis?.realTimeFactor,
    synthesisShareOfPeak: synthesis?.shareOfPeak,
    training: training?.seconds,
    trainingRatios: training?.ratios,
    trainingShareOfPeak: training?.shareOfPeak,
    leftOut: { ...step?.left, ...synthesis?.left, ...training?.left },
    ...(cases.length > 1 ? { cases } : {}),
  }
  console.log(JSON.stringify(flat))
} else {
  if (!valid)
    console.log(`\nINVALID: something else ran meanwhile (up to ${(100 * foreign).toFixed(0)} % of the machine)`)
}
