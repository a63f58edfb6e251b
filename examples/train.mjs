// Trains a small vocoder on a folder of recordings. Ctrl-C stops it with a checkpoint; the same command continues.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Trainer } from 'diffwave'

const [recordings, out, updates = '20000'] = process.argv.slice(2)
if (out === undefined) {
  console.error('usage: node train.mjs recordings run-folder [updates]')
  process.exit(2)
}

/** docs/training.md describes all fields. */
const config = {
  model: {
    kind: 'vocoder',
    sampleRate: 22_050,
    mel: 'tacotron2',
    network: {
      channels: 16,
      layers: 8,
      dilationCycle: 8,
      mel: { kind: 'transposed', bands: 80, strides: [16, 16] },
    },
    diffusion: { training: { kind: 'cosine', steps: 200 }, defaultSteps: 6 },
  },
  data: { cropSamples: 4096, batch: 4 },
  optimiser: { totalSteps: Number(updates) },
}

const stop = new AbortController()
process.once('SIGINT', () => stop.abort())

const resume = existsSync(join(out, 'checkpoint.safetensors'))
const trainer = new Trainer({ config, data: recordings, out, resume })
for await (const { step, loss } of trainer.run({ signal: stop.signal })) {
  if (step % 50 === 0 || step === Number(updates)) console.log(`update ${step}, loss ${loss.toFixed(4)}`)
}

console.log(`To hear it: npx diffwave resynthesize recording.wav -m ${join(out, 'model')} -o copy.wav`)
