/** `diffwave evaluate` on the command line. */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readWav } from '#src/audio/codecs/read-wav'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { writeModelFolder } from '#src/model/folder'
import { initialParameters } from '#src/training/optimiser/initialise'
import { smallGeneratorConfig } from '../support/configs.js'
import { golden } from '../support/paths.js'
import { called, scratch } from '../support/process.js'

const { at } = scratch()
const model = golden('lmnt-conditional-c8-l6/weights.pt')

const evaluate = (...args: readonly string[]) => called(['--json', 'evaluate', ...args])

mkdirSync(at('speech'))
const { samples, sampleRate } = await readWav(golden('mel/LJ001-0001.wav'))
writeFileSync(at('speech/a.wav'), encodeWav({ samples: samples.subarray(0, 8000), sampleRate }))
writeFileSync(at('speech/b.wav'), encodeWav({ samples: samples.subarray(12_000, 20_000), sampleRate }))
writeFileSync(at('speech/broken.wav'), 'RIFF')

test('evaluate measures three systems of a model, copies and Griffin-Lim reproducibly', () => {
  const report = at('report.html')
  const args = ['--reference', at('speech'), '-m', model, '--steps', '3', '--seed', '1']
  const { status, stdout, stderr } = evaluate(...args, '--generated', at('speech'), '-o', report)
  assert.equal(status, 0, stderr)
  assert.match(stderr, /left out: .*broken\.wav/)
  const result = JSON.parse(stdout)
  const [own, zeroed, unrefined, copies, baseline] = Object.values<Record<string, number>>(result.overall)
  assert.deepEqual(Object.keys(result.overall), [
    'weights.pt',
    'weights.pt, last layer zeroed',
    'weights.pt, without refinement',
    at('speech'),
    'Griffin-Lim',
  ])
  // This model refines nothing, so that the third row is the first; a network that predicts zero removes no noise.
  assert.deepEqual({ ...unrefined, realTimeFactor: 0 }, { ...own, realTimeFactor: 0 })
  assert.notEqual(zeroed!['logMel'], own!['logMel'])
  assert.deepEqual([copies!['logMel'], copies!['periodicity']], [0, 0])
  assert.ok(own!['logMel']! > baseline!['logMel']! && baseline!['logMel']! > 0)
  assert.ok(own!['realTimeFactor']! > 0 && baseline!['realTimeFactor']! > 0)
  assert.deepEqual(
    result.files.map(({ name }: { name: string }) => name),
    ['a', 'b'],
  )
  assert.equal(readFileSync(report, 'utf8').match(/<audio /g)!.length, 12)
  const again = JSON.parse(evaluate(...args, '--no-baseline').stdout).overall['weights.pt']
  assert.deepEqual({ ...again, realTimeFactor: 0 }, { ...own, realTimeFactor: 0 })
})

test('evaluate compares copies without a model', () => {
  mkdirSync(at('copies'))
  copyFileSync(at('speech/a.wav'), at('copies/a.wav'))
  const args = ['--reference', at('speech'), '--generated', at('copies'), '--no-baseline', '--limit', '1']
  const { status, stdout, stderr } = evaluate(...args)
  assert.equal(status, 0, stderr)
  assert.equal(JSON.parse(stdout).overall[at('copies')].stft, 0)
})

test('evaluate refuses a missing reference or none, another format of report, and copies of other names', () => {
  mkdirSync(at('empty'))
  mkdirSync(at('other'))
  writeFileSync(at('other/z.wav'), encodeWav({ samples: samples.subarray(0, 4000), sampleRate }))
  for (const [args, status, code] of [
    [[], 2, 'BAD_OPTION'],
    [['--reference', at('none')], 1, 'FILE_NOT_FOUND'],
    [['--reference', at('empty')], 1, 'BAD_DATA'],
    [['--reference', at('speech'), '-o', at('report.pdf')], 2, 'BAD_OPTION'],
    [['--reference', at('speech'), '--generated', at('other')], 1, 'BAD_DATA'],
  ] as const) {
    const result = evaluate(...args)
    assert.equal(result.status, status, result.stderr)
    assert.equal(JSON.parse(result.stderr).code, code)
    assert.equal(result.stdout, '')
    assert.ok(!existsSync(at('report.pdf')))
  }
})

test('evaluate compares clips of a generator, or existing clips, with real ones', () => {
  const real = at('real')
  mkdirSync(real)
  for (let i = 0; i < 6; i++) {
    const clip = samples.subarray(i * 6000, i * 6000 + 5000)
    writeFileSync(join(real, `${i}.wav`), encodeWav({ samples: clip, sampleRate }))
  }
  const generator = golden('lmnt-unconditional-c8-l6/weights.pt')
  const report = at('clips.html')
  const made = evaluate(
    ...['--reference', real, '-m', generator, '-n', '3', '--seconds', '0.2', '--steps', '2'],
    ...['--seed', '1', '-o', report],
  )
  assert.equal(made.status, 0, made.stderr)
  const result = JSON.parse(made.stdout)
  assert.deepEqual(result.clips, { generated: 3, reference: 6, noise: 6, shuffled: 6 })
  assert.ok(result.frechet.toReference.generated > 0 && result.realTimeFactor > 0)
  assert.equal(readFileSync(report, 'utf8').match(/<audio /g)!.length, 3)
  const copied = evaluate('--reference', real, '--generated', real, '--training', real, '--seed', '1')
  assert.equal(copied.status, 0, copied.stderr)
  assert.equal(JSON.parse(copied.stdout).memorisation.generated.median, 0)
  for (const [refusal, ...args] of [
    ['--mel is for vocoders', '-m', generator, '--mel', real],
    ['--no-baseline is for vocoders', '-m', generator, '--no-baseline'],
    ['--count is for generators', '--generated', real, '-n', '3'],
    ['--steps is for models', '--generated', real, '--steps', '3'],
    ['--guidance is for models', '--generated', real, '--training', real, '--guidance', '2'],
  ] as const) {
    const { status, stderr } = evaluate('--reference', real, ...args)
    assert.deepEqual([status, stderr.includes(refusal)], [2, true], stderr)
  }
})

test('evaluate requests no labels from a generator that draws its own', async () => {
  const real = at('labelled')
  for (const label of ['kick', 'snare']) {
    mkdirSync(join(real, label), { recursive: true })
    for (let i = 0; i < 4; i++) {
      const clip = samples.subarray(i * 6000, i * 6000 + 5000)
      writeFileSync(join(real, label, `${i}.wav`), encodeWav({ samples: clip, sampleRate }))
    }
  }
  const { network, ...config } = smallGeneratorConfig({ clipSeconds: 0.2 })
  for (const [name, labelShares, count, asked] of [
    ['in-turn', null, '2', ['kick', 'snare']],
    ['drawing', [0, 1], '4', ['snare']],
  ] as const) {
    await writeModelFolder(at(name), {
      config: { ...config, network, labelShares: labelShares && [...labelShares] },
      parameters: initialParameters(network, 1),
    })
    const made = evaluate('--reference', real, '--training', real, '-m', at(name), '-n', count, '--seed', '1')
    assert.equal(made.status, 0, made.stderr)
    assert.deepEqual(Object.keys(JSON.parse(made.stdout).classifier.byLabel), asked)
  }
})
