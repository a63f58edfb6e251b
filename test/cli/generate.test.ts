/** `diffwave generate` on the command line. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeModelFolder } from '#src/model/folder'
import { initialParameters } from '#src/training/optimiser/initialise'
import { smallGeneratorConfig } from '../support/configs.js'
import { called, scratch } from '../support/process.js'

const { folder } = scratch()
const model = join(folder, 'model')
const config = smallGeneratorConfig({ clipSeconds: 0.05, aliases: { '1': 'kick' } })
await writeModelFolder(model, { config, parameters: initialParameters(config.network, 1) })

const generate = (...args: string[]) => called(['--json', 'generate', '-m', model, '--engine', 'native', ...args])

test('generate makes a clip per label, and each alone with its own seed', () => {
  const all = generate('-o', join(folder, 'all'), '--label', 'snare', '1', '--seed', '5')
  assert.equal(all.status, 0, all.stderr)
  assert.deepEqual(readdirSync(join(folder, 'all')).sort(), ['1-6.wav', 'snare-5.wav'])
  assert.deepEqual(
    all.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
      .map(({ label, seed, seconds, steps }) => [label, seed, seconds, steps]),
    [
      ['snare', 5, 0.05, 4],
      ['1', 6, 0.05, 4],
    ],
  )
  const alone = generate('-o', join(folder, 'one.wav'), '--label', 'kick', '--seed', '6', '--seconds', '0.05')
  assert.equal(alone.status, 0, alone.stderr)
  assert.deepEqual(readFileSync(join(folder, 'one.wav')), readFileSync(join(folder, 'all', '1-6.wav')))
})

test('a model that draws labels reports them, and they are not in file names', async () => {
  const drawing = join(folder, 'drawing')
  const parameters = initialParameters(config.network, 1)
  await writeModelFolder(drawing, { config: { ...config, labelShares: [0, 1] }, parameters })
  const { status, stdout, stderr } = generate('-m', drawing, '-o', join(folder, 'drawn'), '-n', '2', '--seed', '5')
  assert.equal(status, 0, stderr)
  assert.deepEqual(readdirSync(join(folder, 'drawn')).sort(), ['clip-5.wav', 'clip-6.wav'])
  const labels = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line).label)
  assert.deepEqual(labels, ['snare', 'snare'])
})

test('--quiet prints nothing, also for several clips', () => {
  const args = ['--count', '12', '--seconds', '0.05', '--threads', '2', '--quiet']
  const { status, stdout, stderr } = called(['generate', '-m', model, '-o', join(folder, 'many'), ...args])
  assert.deepEqual([status, stdout, stderr], [0, '', ''])
})

test('--picture needs a WAV file', () => {
  const { status, stderr } = generate('-o', '/dev/null', '--picture')
  assert.equal(status, 2)
  assert.match(stderr, /a picture needs a \.wav file/)
})

test('a seed that leaves no room for the clips is refused', () => {
  const last = String(Number.MAX_SAFE_INTEGER)
  const { status, stderr } = generate('-o', join(folder, 'none'), '-n', '2', '--seed', last)
  assert.equal(status, 2)
  assert.equal(JSON.parse(stderr).where, 'seed')
})

test('an unknown label is refused with the list of labels', () => {
  const { status, stderr } = generate('-o', join(folder, 'no.wav'), '--label', 'cymbal')
  assert.equal(status, 2)
  const { code, expected, got } = JSON.parse(stderr)
  assert.deepEqual([code, expected, got], ['UNKNOWN_LABEL', 'one of kick, snare', 'cymbal'])
  const joined = JSON.parse(generate('-o', join(folder, 'no.wav'), '--label', 'kick,snare').stderr)
  assert.deepEqual(
    [joined.code, joined.hint],
    ['UNKNOWN_LABEL', 'Separate several values by spaces: --label kick snare'],
  )
})
