/** `--shard` divides a run among processes, with the bytes of a single run. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parseShard, shardRange } from '#src/cli/inputs/shard'
import { noiseWav, npyMel, smallGenerator, smallVocoder } from '../../support/cli-inputs.js'
import { called, scratch } from '../../support/process.js'

const { at, put } = scratch()
for (const [i, name] of ['a', 'b', 'deep/c', 'deep/d', 'e'].entries()) {
  put(`mels/${name}.npy`, npyMel(3 + i))
  put(`recordings/${name}.wav`, noiseWav(i, 2000 + 300 * i))
}

/** Files below a folder with their bytes. */
function contents(folder: string): readonly (readonly [string, string])[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort()
    .map(path => [path.slice(folder.length), readFileSync(path).toString('base64')])
}

describe('the shards together', () => {
  const voice = ['-m', smallVocoder, '--seed', '7', '--engine', 'native']
  const noise = ['-m', smallGenerator, '--seed', '7', '--engine', 'native']
  const cases: readonly (readonly [command: string, args: readonly string[], shards: number])[] = [
    ['synthesize', [at('mels'), ...voice], 2],
    ['mel', [at('recordings'), '--convention', 'tacotron2'], 7],
    ['denoise', [at('recordings'), '--snr', '10', ...noise], 3],
    ['generate', ['--count', '5', '--seconds', '0.05', ...noise], 3],
  ]
  for (const [command, args, shards] of cases) {
    test(`of ${command} give the bytes of the whole run`, () => {
      const run = (folder: string, ...more: readonly string[]) => {
        const { status, stderr } = called([command, ...args, '-o', at(folder), ...more])
        assert.equal(status, 0, stderr)
        return stderr
      }
      run(`${command}-whole`)
      const notes = []
      for (let i = 0; i < shards; i++) notes.push(run(`${command}-shards`, '--shard', `${i}/${shards}`))
      assert.equal(contents(at(`${command}-whole`)).length, 5)
      assert.deepEqual(contents(at(`${command}-shards`)), contents(at(`${command}-whole`)))
      assert.equal(notes.filter(note => note.includes('no inputs')).length, Math.max(0, shards - 5))
    })
  }
})

describe('a shard', () => {
  test('is refused unless its index is below the count', () => {
    for (const text of ['', '1', '2/2', '3/2', '0/0', '-1/2', '1.5/2', 'a/b', '1/2/3', '0/99999999', ' 0/2', '0 / 2']) {
      assert.throws(() => parseShard(text), { code: 'BAD_OPTION' }, text)
    }
    assert.throws(() => parseShard('8/8'), { hint: 'The last shard is 7/8.' })
  })

  test('of generated clips needs --seed', () => {
    const { status, stderr } = called(['generate', '-o', at('x'), '-n', '4', '--shard', '0/2'])
    assert.equal(status, 2)
    assert.match(stderr, /--seed/)
  })

  test('covers consecutive clips, and all shards together each clip once', () => {
    for (const [items, count] of [
      [10, 3],
      [2, 5],
      [0, 4],
      [7, 7],
    ] as const) {
      const ranges = Array.from({ length: count }, (_, index) => shardRange(items, { index, count }))
      const taken = ranges.flatMap(([start, end]) => Array.from({ length: end - start }, (_, i) => start + i))
      assert.deepEqual(taken, [...Array(items).keys()])
    }
  })
})
