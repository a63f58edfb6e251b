/** inpaint, denoise and interpolate as processes. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { decodeWav, encodeWav, readWav } from '#src/audio/codecs/wav'
import { gaussian } from '#src/core/random'
import { golden, inRepository } from '../support/paths.js'

const folder = mkdtempSync(join(tmpdir(), 'diffwave-repair-'))
after(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)
function put(name: string, draw: number, length: number, sampleRate = 22050): string {
  writeFileSync(at(name), encodeWav({ samples: gaussian(2, draw, 0, length).map(x => x / 9), sampleRate }))
  return at(name)
}
const first = put('first.wav', 0, 6000)
const second = put('second.wav', 1, 6000)
const short = put('short.wav', 2, 5000)
const slow = put('slow.wav', 3, 6000, 16000)
const vocoder = golden('lmnt-conditional-c8-l6/weights.pt')
const generator = golden('lmnt-unconditional-c8-l6/weights.pt')

function diffwave(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [inRepository('dist/cli/main.js'), ...args, '--engine', 'tensorflow:wasm'],
    { encoding: args.includes('--stdout') ? 'latin1' : 'utf8' },
  )
  return { status, stdout, stderr }
}

for (const [kind, model] of [
  ['vocoder', vocoder],
  ['generator', generator],
] as const) {
  test(`inpaint with a ${kind} leaves the rest of the recording as it is`, async () => {
    const run = diffwave(
      '--json',
      'inpaint',
      first,
      '-o',
      at(`${kind}.wav`),
      '-m',
      model,
      '--gaps',
      '0.1-0.11',
      '0.2-0.21',
      '--rounds',
      '2',
      '--seed',
      '5',
    )
    assert.equal(run.status, 0, run.stderr)
    const { steps, seed, seconds } = JSON.parse(run.stdout)
    assert.deepEqual([steps, seed, Math.round(seconds * 22050)], [12, 5, 6000])
    const [before, after] = [await readWav(first), await readWav(at(`${kind}.wav`))]
    assert.deepEqual(after.samples.slice(0, 2100), before.samples.slice(0, 2100))
    assert.notDeepEqual(after.samples.slice(2205, 2400), before.samples.slice(2205, 2400))
  })
}

test('denoise says which step it started at; interpolate mixes two', async () => {
  const denoised = diffwave(
    '--json',
    'denoise',
    first,
    slow,
    '-o',
    at('clean'),
    '-m',
    generator,
    '--snr',
    '10',
    '--steps',
    '2',
  )
  assert.equal(denoised.status, 0, denoised.stderr)
  const [line] = denoised.stdout.split('\n')
  const { step, noise } = JSON.parse(line!)
  assert.ok(step > 0 && noise > 0.02 && noise < 0.05, line)
  assert.equal((await readWav(at('clean/slow.wav'))).samples.length, Math.round((6000 * 22050) / 16000))
  const args = [
    'interpolate',
    first,
    second,
    '-m',
    generator,
    '--mix',
    '0.3',
    '--step',
    '20',
    '--steps',
    '2',
    '--seed',
    '1',
  ]
  const mixed = diffwave(...args, '-o', at('mix.wav'))
  assert.equal(mixed.status, 0, mixed.stderr)
  const piped = diffwave(...args, '--stdout')
  assert.deepEqual(decodeWav(Buffer.from(piped.stdout, 'latin1'), ''), decodeWav(readFileSync(at('mix.wav')), ''))
})

for (const [name, args, status, code] of [
  ['a gap outside', ['inpaint', first, '-m', vocoder, '--gaps', '1-2'], 2, 'BAD_OPTION'],
  ['a gap that is no gap', ['inpaint', first, '-m', vocoder, '--gaps', '0.1'], 2, 'BAD_OPTION'],
  ['no gap', ['inpaint', first, '-m', vocoder], 2, 'BAD_OPTION'],
  ['another rate', ['inpaint', slow, '-m', vocoder, '--gaps', '0.1-0.11'], 1, 'SAMPLE_RATE_MISMATCH'],
  ['two levels of noise', ['denoise', first, '-m', generator, '--snr', '3', '--noise', '0.1'], 2, 'BAD_OPTION'],
  ['a vocoder to denoise', ['denoise', first, '-m', vocoder], 1, 'BAD_CONFIG'],
  ['a named schedule', ['denoise', first, '-m', generator, '--steps', 'fast'], 2, 'BAD_OPTION'],
  ['unequal lengths', ['interpolate', first, short, '-m', generator], 1, 'BAD_AUDIO'],
  ['one recording', ['interpolate', first, '-m', generator], 2, 'BAD_OPTION'],
] as const) {
  test(`refused: ${name}`, () => {
    const run = diffwave(...args, '-o', at('refused.wav'))
    assert.equal(run.status, status, run.stderr)
    assert.match(run.stderr, new RegExp(`^error\\[${code}\\]: `))
    assert.equal(run.stdout, '')
  })
}
