// Copies the state of a training run into the repository, so that it outlives the machine, and brings it back.
// usage: node scripts/keep-run.mjs keep <run folder> <model folder>      run → model (weights and config), training state
//        node scripts/keep-run.mjs restore <model folder> <run folder>   training state → run folder, for `train --resume`
//
// The training state is checkpoint.safetensors (weights, average, Adam's moments, position: exact resumption) with metrics.jsonl.
import { copyFileSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const STATE = 'training'
const [action, from, to] = process.argv.slice(2)
const copies =
  action === 'keep' && to !== undefined
    ? [
        ['model/config.json', 'config.json'],
        ['model/weights.safetensors', 'weights.safetensors'],
        ['checkpoint.safetensors', `${STATE}/checkpoint.safetensors`],
        ['metrics.jsonl', `${STATE}/metrics.jsonl`],
      ]
    : action === 'restore' && to !== undefined
      ? [
          [`${STATE}/checkpoint.safetensors`, 'checkpoint.safetensors'],
          [`${STATE}/metrics.jsonl`, 'metrics.jsonl'],
        ]
      : []
if (copies.length === 0) {
  console.error('usage: node scripts/keep-run.mjs keep <run> <model> | restore <model> <run>')
  process.exit(2)
}
if (action === 'restore' && existsSync(join(to, 'checkpoint.safetensors'))) {
  console.error(`${to} already holds a checkpoint`)
  process.exit(1)
}
for (const [source, target] of copies) {
  const path = join(to, target)
  mkdirSync(join(path, '..'), { recursive: true })
  copyFileSync(join(from, source), path)
  console.log(`${path}: ${(statSync(path).size / 1e6).toFixed(1)} MB`)
}
