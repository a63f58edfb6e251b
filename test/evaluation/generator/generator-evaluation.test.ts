/** Evaluation of a set of generated clips. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import type { ClipAudio } from '#src/evaluation/generator/clip-set'
import { evaluateGenerator } from '#src/evaluation/generator/evaluate-generator'
import type { GeneratorEvaluationOptions } from '#src/evaluation/generator/generator-evaluation'
import { generatorJson, generatorLines, generatorReport } from '#src/evaluation/report/generator-report'
import { code } from '../../support/errors.js'
import { scratchFolder } from '../../support/scratch.js'
import { MELODY_RATE, melody, range } from '../../support/sounds.js'

const scratch = scratchFolder('clips')

const clips = (seeds: readonly number[], lowest?: number, label = ''): ClipAudio[] =>
  seeds.map(seed => ({ name: `m${seed}`, samples: melody(seed, 1, lowest), label }))

function folder(name: string, files: Readonly<Record<string, Uint8Array | string>>): string {
  for (const [file, content] of Object.entries(files)) {
    const path = join(scratch, name, file)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, content)
  }
  return join(scratch, name)
}
const wavs = (all: readonly ClipAudio[], below = '') =>
  Object.fromEntries(
    all.map(({ name, samples }) => [`${below}${name}.wav`, encodeWav({ samples, sampleRate: MELODY_RATE })]),
  )
const training = folder('training', {
  ...wavs(clips(range(0, 16), 200), 'low/'),
  ...wavs(clips(range(100, 16), 800), 'high/'),
  'low/silent.wav': encodeWav({ samples: new Float32Array(MELODY_RATE), sampleRate: MELODY_RATE }),
  'low/broken.wav': 'RIFF',
})
const reference = folder('reference', {
  ...wavs(clips(range(200, 6), 200), 'low/'),
  ...wavs(clips(range(300, 6), 800), 'high/'),
})
const evaluate = (fields: Partial<GeneratorEvaluationOptions>) =>
  evaluateGenerator({ generated: [], reference, training, sampleRate: MELODY_RATE, seconds: 1, seed: 1, ...fields })

test('an evaluation finds copies, checks labels and includes silent clips', async () => {
  const fresh = [...clips(range(400, 4), 200, 'low'), ...clips(range(500, 4), 800, 'high')]
  const wrong = clips([600, 601], 200, 'high')
  const copied = { name: 'copy', samples: melody(7, 1, 200).map(x => x / 2), label: 'low' }
  const silent = { name: 'silent', samples: new Float32Array(MELODY_RATE), label: 'low' }
  const evaluation = await evaluate({ generated: [...fresh, ...wrong, copied, silent] })
  const { clips: counts, frechet, memorisation, mostAlike, classifier, character, leftOut } = evaluation
  assert.deepEqual(counts, { generated: 12, reference: 12, noise: 12, shuffled: 12, training: 32 })
  assert.deepEqual(
    leftOut.map(({ file }) => file.slice(training.length + 1)),
    ['low/broken.wav'],
  )
  assert.deepEqual([mostAlike[0]!.generated, mostAlike[0]!.training], ['copy', 'low/m7'])
  assert.ok(memorisation!.generated.smallest < 0.5 && memorisation!.reference.smallest > 2)
  assert.ok(frechet.toReference.generated! < frechet.toReference.shuffled!)
  assert.ok(character.reference.pitchSalience.mean > character.noise.pitchSalience.mean)
  assert.deepEqual(classifier!.labels, ['high', 'low'])
  assert.equal(classifier!.heldOut.accuracy, 1)
  assert.deepEqual(
    classifier!.byLabel.get('high')!.takenFor,
    new Map([
      ['high', 4],
      ['low', 2],
    ]),
  )
  const html = generatorReport(evaluation, 'clips', { seed: '1' }, [...fresh, silent].slice(-2))
  assert.equal(html.match(/<audio /g)!.length, 2)
  assert.doesNotMatch(html, /NaN|undefined|https?:/)
  assert.doesNotMatch(generatorLines(evaluation).join(), /NaN|undefined/)
  const json = JSON.parse(JSON.stringify(generatorJson(evaluation)))
  assert.equal(json.classifier.byLabel.high.takenFor.low, 2)
  assert.doesNotMatch(JSON.stringify({ ...json, classifier: null }), /null.*null.*null/)
})

test('silent clips give finite numbers, and too few clips an error', async () => {
  const silence = range(0, 2).map(i => ({ name: String(i), samples: new Float32Array(MELODY_RATE), label: '' }))
  const { training: _, ...without } = { training, reference, sampleRate: MELODY_RATE, seconds: 1, seed: 1 }
  const evaluation = await evaluateGenerator({ ...without, generated: silence })
  assert.equal(evaluation.memorisation, null)
  for (const distance of Object.values(evaluation.frechet.toReference)) assert.ok(Number.isFinite(distance))
  await assert.rejects(evaluate({ generated: silence.slice(1) }), code('BAD_DATA'))
  await assert.rejects(
    evaluate({ generated: silence, reference: folder('none', { 'notes.txt': '' }) }),
    code('BAD_DATA'),
  )
  await assert.rejects(evaluate({ generated: silence, signal: AbortSignal.abort() }), code('ABORTED'))
  // The label of a `GeneratedClip` is null if it has none.
  const unlabelled = silence.map(clip => ({ ...clip, label: null as never }))
  await assert.rejects(evaluate({ generated: unlabelled }), code('BAD_OPTION'))
  // The embedding of clips of ten minutes would take 100 GB.
  await assert.rejects(evaluate({ generated: silence, seconds: 600 }), code('BAD_OPTION'))
})
