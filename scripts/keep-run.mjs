// Saves a training run in a model folder, so that it can be committed and continued on another machine, or restores it.
// usage: node scripts/keep-run.mjs keep RUN_FOLDER MODEL_FOLDER
//        node scripts/keep-run.mjs restore MODEL_FOLDER RUN_FOLDER
//        diffwave train … --out RUN_FOLDER --resume
//
// It saves the model (the average of the weights), the position and the log. Adam's moments and the weights before
// averaging are not, since they are three times as large again. A restored run starts from the average, at the same
// point of the learning-rate schedule, with new moments. Only checkpoint.safetensors itself resumes with the same
// bytes.
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.mjs'

await build({ ifMissing: true })
const { decodeSafetensors, encodeSafetensors } = await import('../dist/formats/safetensors.js')

const read = path => decodeSafetensors(readFileSync(path), path)
const CHECKPOINT = 'checkpoint.safetensors'
const WEIGHTS = 'weights.safetensors'

function keep(run, model) {
  mkdirSync(join(model, 'training'), { recursive: true })
  const { tensors, metadata } = read(join(run, CHECKPOINT))
  const average = new Map()
  for (const [name, tensor] of tensors) if (name.startsWith('average/')) average.set(name.slice(8), tensor)
  writeFileSync(join(model, WEIGHTS), encodeSafetensors(average))
  const position = JSON.parse(metadata.get('position'))
  writeFileSync(join(model, 'training', 'position.json'), `${JSON.stringify(position, null, 1)}\n`)
  copyFileSync(join(run, 'model', 'config.json'), join(model, 'config.json'))
  copyFileSync(join(run, 'metrics.jsonl'), join(model, 'training', 'metrics.jsonl'))
  const megabytes = (statSync(join(model, WEIGHTS)).size / 1e6).toFixed(1)
  console.log(`${model}: ${position.step} updates, ${(position.seconds / 3600).toFixed(2)} h, ${megabytes} MB`)
}

function restore(model, run) {
  if (existsSync(join(run, CHECKPOINT))) throw new Error(`${run} already holds a checkpoint`)
  mkdirSync(run, { recursive: true })
  const position = JSON.parse(readFileSync(join(model, 'training', 'position.json'), 'utf8'))
  const tensors = new Map()
  for (const [name, tensor] of read(join(model, WEIGHTS)).tensors) {
    tensors.set(`weights/${name}`, tensor)
    tensors.set(`average/${name}`, tensor)
  }
  const metadata = new Map([['position', JSON.stringify({ ...position, optimiserStep: 0 })]])
  writeFileSync(join(run, CHECKPOINT), encodeSafetensors(tensors, metadata))
  copyFileSync(join(model, 'training', 'metrics.jsonl'), join(run, 'metrics.jsonl'))
  console.log(`${run}: continues from update ${position.step}`)
}

const [action, from, to] = process.argv.slice(2)
if (action === 'keep' && to !== undefined) keep(from, to)
else if (action === 'restore' && to !== undefined) restore(from, to)
else {
  console.error('usage: node scripts/keep-run.mjs keep RUN_FOLDER MODEL_FOLDER | restore MODEL_FOLDER RUN_FOLDER')
  process.exitCode = 2
}
