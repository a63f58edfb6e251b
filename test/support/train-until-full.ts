/**
 * A trainer whose disk fills up: `node train-until-full.js <folder>`, with its checked config as JSON on stdin. A file
 * of ballast fills the disk after the first checkpoint. After the ballast is removed, the run is resumed. Prints JSON.
 */
import { appendFileSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { DiffWaveError } from '#src/core/errors'
import { gaussian } from '#src/core/random'
import { checkTrainingConfig } from '#src/training/config'
import { learningEngine } from './learning-engine.js'
import { type TestRun, train } from './training.js'

const folder = process.argv[2]!
const out = join(folder, 'out')
const ballast = join(folder, 'ballast')
const checkpoint = () => readFileSync(join(out, 'checkpoint.safetensors'))

/** Fills the disk up to one megabyte, which is enough for the log but not for a checkpoint. */
function fill(): void {
  try {
    for (;;) appendFileSync(ballast, new Uint8Array(65_536))
  } catch {
    truncateSync(ballast, statSync(ballast).size - 1_000_000)
  }
}

const clip = { name: 'a.wav', samples: Int16Array.from(gaussian(1, 0, 0, 9000), x => x * 3000), label: '' }
const options: TestRun = {
  config: checkTrainingConfig(JSON.parse(readFileSync(0, 'utf8')), 'stdin'),
  data: {
    sampleRate: 22050,
    training: [clip],
    validation: [],
    report: { clips: 1, hours: 0, validationClips: 0, givenMels: 0, rates: new Map(), leftOut: [], notes: [] },
    fingerprint: 'data',
  },
  out,
  maxSteps: 9,
  clock: () => 0,
  createEngine: async (model, weights) => learningEngine(model.network, weights),
}
let before = new Uint8Array()
let code: string | null = null
try {
  await train({
    ...options,
    onStep: ({ step }) => {
      if (step !== 4) return
      before = checkpoint()
      fill()
    },
  })
} catch (error) {
  code = error instanceof DiffWaveError ? error.code : String(error)
}
if (before.length === 0) throw new Error(`the run ended before its first checkpoint: ${code}`)
const intact = Buffer.compare(before, checkpoint()) === 0
rmSync(ballast)
const { step } = await train({ ...options, resume: true })
process.stdout.write(JSON.stringify({ code, intact, resumedTo: step }))
