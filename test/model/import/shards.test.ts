/** The index of a checkpoint in several files. Files written by PyTorch's tools are read in torch-2.15.test.ts. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { Tensor } from '#src/core/tensor'
import { encodeSafetensors } from '#src/formats/safetensors'
import { readShards } from '#src/model/import/shards'
import { readModel } from '#src/model/read-model'
import { golden } from '../../support/paths.js'
import { scratch } from '../../support/process.js'

const files = scratch()
const tensor = (value: number): Tensor => ({ shape: [1], data: Float32Array.of(value) })

/** Writes two shards and an index. @returns the index's path */
function write(weight_map: unknown): string {
  writeFileSync(files.at('one.safetensors'), encodeSafetensors(new Map([['a', tensor(1)]])))
  const two = [
    ['b', tensor(2)],
    ['unlisted', tensor(3)],
  ] as const
  writeFileSync(files.at('two.safetensors'), encodeSafetensors(new Map(two)))
  writeFileSync(files.at('model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map }))
  return files.at('model.safetensors.index.json')
}

test('each parameter is read from the file that the index names', async () => {
  const tensors = await readShards(write({ b: 'two.safetensors', a: 'one.safetensors' }))
  assert.deepEqual(
    [...tensors].map(([name, { data }]) => [name, ...data]),
    [
      ['b', 2],
      ['a', 1],
    ],
  )
})

describe('a sharded checkpoint is refused', () => {
  const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`p${i}`, `${i}.bin`]))
  for (const [title, map, expected] of [
    ['a file that is missing', { a: 'three.safetensors' }, { code: 'FILE_NOT_FOUND', message: /three/ }],
    ['a parameter that its file lacks', { a: 'two.safetensors' }, { code: 'BAD_CHECKPOINT', message: /not hold a/ }],
    ['a path out of the folder', { a: '../one.safetensors' }, { code: 'BAD_CONFIG', message: /weight_map/ }],
    ['an absolute path', { a: '/etc/passwd' }, { code: 'BAD_CONFIG', message: /weight_map/ }],
    ['an index without a map', undefined, { code: 'BAD_CONFIG', message: /weight_map/ }],
    ['more files than any checkpoint has', many, { code: 'TOO_LARGE', message: /1000/ }],
  ] as const) {
    test(`for ${title}`, async () => {
      await assert.rejects(readShards(write(map)), expected)
    })
  }

  test('for parameters of no known project', async () => {
    await assert.rejects(readModel(write({ a: 'one.safetensors' })), { code: 'UNSUPPORTED_FORMAT' })
  })

  test('for a torch.distributed.checkpoint folder, with the command that joins it', async () => {
    mkdirSync(files.at('distributed'))
    writeFileSync(files.at('distributed/.metadata'), '')
    await assert.rejects(readModel(files.at('distributed')), { code: 'UNSUPPORTED_FORMAT', message: /distributed/ })
  })
})

test('an index that lacks a parameter is refused by the name of the parameter', async () => {
  const index = JSON.parse(readFileSync(golden('torch-2.15/sharded/model.safetensors.index.json'), 'utf8'))
  delete index.weight_map['skip_projection.bias']
  const path = files.at('half.safetensors.index.json')
  writeFileSync(path, JSON.stringify(index))
  for (const file of new Set(Object.values(index.weight_map) as string[])) {
    writeFileSync(files.at(file), readFileSync(golden(`torch-2.15/sharded/${file}`)))
  }
  await assert.rejects(readModel(path), { code: 'BAD_PARAMETERS', message: /skip_projection\.bias/ })
})
