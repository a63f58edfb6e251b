// Keeps a training run in the repository, so that it outlives the machine, at the size of its model; and brings it back.
// usage: node scripts/keep-run.mjs keep <run folder> <model folder>
//        node scripts/keep-run.mjs restore <model folder> <run folder>    then: diffwave train … --out <run folder> --resume
//
// What is kept: the model (the average of weights), the position and the log. Adam's moments and the weights before averaging
// are not, a further three times the size: a restored run goes on from the average, its place in the learning rate's course
// the same, its moments new. (checkpoint.safetensors itself resumes to the byte.)
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
  console.log(`${run}: goes on from update ${position.step}`)
}

const [action, from, to] = process.argv.slice(2)
if (action === 'keep' && to !== undefined) keep(from, to)
else if (action === 'restore' && to !== undefined) restore(from, to)
else {
  console.error('usage: node scripts/keep-run.mjs keep <run> <model> | restore <model> <run>')
  process.exitCode = 2
}
