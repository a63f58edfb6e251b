/** The measures of sets by their properties and by numbers that can be derived; a set's evaluation. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { DiffWaveError, type ErrorCode } from '#src/core/errors'
import { gaussian, uniform } from '#src/core/random'
import { averageSpectrumNoise, shuffledPieces } from '#src/evaluation/generator/baselines'
import { Classifier } from '#src/evaluation/generator/classifier'
import { clipPattern, patternConvention, recordingPattern } from '#src/evaluation/generator/clip-pattern'
import { type ClipAudio, ClipSet } from '#src/evaluation/generator/clip-set'
import { frechetDistance } from '#src/evaluation/generator/frechet-distance'
import { readGeneratedClips, usualSeconds } from '#src/evaluation/generator/generated-clips'
import { evaluateGenerator, type GeneratorEvaluationOptions } from '#src/evaluation/generator/generator-evaluation'
import { diversity, nearest } from '#src/evaluation/generator/neighbours'
import { onsetRate } from '#src/evaluation/generator/onsets'
import { SetEmbedding } from '#src/evaluation/generator/set-embedding'
import { generatorJson, generatorLines, generatorReport } from '#src/evaluation/report/generator-report'
import { percentile, spread } from '#src/evaluation/statistics/moments'
import { PrincipalComponents } from '#src/evaluation/statistics/principal-components'
import { symmetricEigen } from '#src/evaluation/statistics/symmetric-eigen'

const scratch = mkdtempSync(join(tmpdir(), 'diffwave-clips-'))
after(() => rmSync(scratch, { recursive: true, force: true }))
const code = (expected: ErrorCode) => (error: unknown) => error instanceof DiffWaveError && error.code === expected
const near = (found: number, expected: number, within: number) =>
  assert.ok(Math.abs(found - expected) <= within, `${found}, ${expected} expected`)

const RATE = 8000
/** A melody of decaying tones at random pitches, a quarter of a second each; another one a seed. */
function melody(seed: number, seconds = 1, lowest = 300): Float32Array {
  const samples = new Float32Array(seconds * RATE)
  const length = RATE / 4
  for (let i = 0; i < samples.length; i++) {
    const note = Math.floor(i / length)
    const frequency = lowest * 2 ** (Math.floor(12 * uniform(seed, 0, note)) / 12)
    const t = (i % length) / RATE
    samples[i] =
      0.4 * Math.exp(-9 * t) * (Math.sin(2 * Math.PI * frequency * t) + 0.4 * Math.sin(4 * Math.PI * frequency * t))
  }
  return samples
}
const clips = (seeds: readonly number[], lowest?: number, label = ''): ClipAudio[] =>
  seeds.map(seed => ({ name: `m${seed}`, samples: melody(seed, 1, lowest), label }))
const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)

test('eigenvalues, components and moments are those that were put in', async () => {
  const { values, vectors } = symmetricEigen([2, 1, 0, 1, 2, 0, 0, 0, 5], 3)
  ;[5, 3, 1].forEach((value, i) => {
    near(values[i]!, value, 1e-12)
  })
  near(Math.abs(vectors[3]!), Math.SQRT1_2, 1e-12)
  // Deviations 3, 2 and 0.1 along the axes: the components are the axes in that order.
  const cloud = range(0, 4000).map(i => {
    const [x, y, z] = gaussian(1, 0, 3 * i, 3)
    return Float64Array.of(0.1 * x!, 3 * y! + 7, 2 * z!)
  })
  const components = await PrincipalComponents.fit(cloud, 2)
  const projected = components.project(Float64Array.of(5, 8, 1))
  near(Math.abs(projected[0]!), 1, 0.3)
  near(Math.abs(projected[1]!), 1, 0.3)
  assert.deepEqual(spread([1, 3]), { mean: 2, deviation: Math.SQRT2 })
  assert.equal(percentile([4, 1, 2, 3, 0], 0.25), 1)
})

test('the Fréchet distance of Gaussians is that of their means and deviations', () => {
  const cloud = (seed: number, mean: number, deviation: number) =>
    range(0, 20_000).map(i => Float64Array.from(gaussian(seed, 0, 4 * i, 4), x => mean + deviation * x))
  const a = cloud(1, 0, 1)
  assert.ok(frechetDistance(a, a) < 1e-9)
  // Four dimensions, each (Δmean)² + (Δdeviation)².
  near(frechetDistance(a, cloud(2, 1, 3)), 4 * (1 + 4), 0.4)
  near(frechetDistance(cloud(2, 1, 3), a), frechetDistance(a, cloud(2, 1, 3)), 1e-6)
})

test('neighbours and diversity', () => {
  const points = [0, 3, 4, 10].map(x => Float64Array.of(x, 0))
  assert.deepEqual(nearest([Float64Array.of(3, 1)], points), [{ distance: 1, index: 1 }])
  const { mean, nearestOther } = diversity(points)
  near(mean!, (3 + 4 + 10 + 1 + 7 + 6) / 6, 1e-12)
  assert.deepEqual(nearestOther, [3, 1, 1, 6])
  assert.equal(diversity(points.slice(0, 1)).mean, null)
})

test('onsets are counted: four tones a second, none in noise', () => {
  const rate = (samples: Float32Array) => {
    const pattern = recordingPattern(samples, RATE)
    return onsetRate(clipPattern(pattern, 0, pattern.frames), patternConvention(RATE).hop / RATE)
  }
  // Whether the first tone, which begins with the clip, is an onset of it is left open.
  near(rate(melody(1, 4)), 4, 0.26)
  assert.ok(rate(gaussian(1, 0, 0, 4 * RATE).map(x => x * 0.1)) < 0.3)
  assert.equal(rate(new Float32Array(RATE)), 0)
})

test('level and lead-in do not change a pattern, and silence is none', () => {
  const sound = melody(3)
  const late = new Float32Array(RATE + 640)
  late.set(
    sound.map(x => x / 4),
    640,
  )
  const at = (samples: Float32Array) => clipPattern(recordingPattern(samples, RATE), 0, 100)
  const [a, b] = [at(sound), at(late)]
  // The first frame that sounds may hold only the first quarter of a window of it: two frames more or less.
  const differences = [0, 1, 2].map(shift => {
    let most = 0
    for (let i = 5 * 32; i < 90 * 32; i++) most = Math.max(most, Math.abs(a.data[i]! - b.data[i + shift * 32]!))
    return most
  })
  assert.ok(Math.min(...differences) < 0.02, String(differences))
  assert.ok(at(new Float32Array(RATE)).data.every(x => x === -1))
})

test('the embedding of sets hears what a spectrum alone does not: real beside real, shuffled, reversed, noise', async () => {
  const set = (audio: readonly Float32Array[]) => {
    const made = new ClipSet(RATE, RATE, 1, true)
    audio.forEach((samples, i) => {
      made.add({ name: String(i), samples, label: '' }, true)
    })
    return made
  }
  const [real, others] = [range(0, 160), range(1000, 160)].map(seeds => seeds.map(seed => melody(seed)))
  const noise = averageSpectrumNoise(real!, 1)
  // Noise has the data's spectrum and each clip's energy.
  const energy = (samples: Float32Array) => samples.reduce((sum, x) => sum + x * x, 0)
  near(energy(noise[0]!) / energy(real![0]!), 1, 1e-3)
  const data = set(real!)
  const embedding = await SetEmbedding.fit(data)
  assert.equal(embedding.dimensions, 64)
  const embedded = await embedding.of(data)
  const distance = async (audio: readonly Float32Array[]) => frechetDistance(await embedding.of(set(audio)), embedded)
  const own = await distance(others!)
  const shuffled = await distance(shuffledPieces(real!, RATE, 1))
  const reversed = await distance(real!.map(samples => samples.slice().reverse()))
  const asNoise = await distance(noise)
  assert.ok(
    own * 4 < shuffled && own * 4 < reversed && shuffled * 2 < asNoise,
    `${own} ${shuffled} ${reversed} ${asNoise}`,
  )
})

test('the classifier learns what can be told apart, the same every time, and says chance where nothing can', async () => {
  const examples = (seed: number, apart: number) =>
    range(0, 300).map(i => ({
      features: Float64Array.from(gaussian(seed, 0, 8 * i, 8), (x, k) => x + (k === i % 3 ? apart : 0)),
      label: i % 3,
    }))
  const accuracy = async (apart: number) => {
    const classifier = await Classifier.train(examples(1, apart), ['a', 'b', 'c'], { seed: 4 })
    const held = examples(2, apart)
    return held.filter(({ features, label }) => classifier.classify(features) === label).length / held.length
  }
  assert.ok((await accuracy(6)) > 0.97)
  assert.equal(await accuracy(6), await accuracy(6))
  near(await accuracy(0), 1 / 3, 0.12)
})

function folder(name: string, files: Readonly<Record<string, Uint8Array | string>>): string {
  for (const [file, content] of Object.entries(files)) {
    const path = join(scratch, name, file)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, content)
  }
  return join(scratch, name)
}
const wavs = (all: readonly ClipAudio[], below = '') =>
  Object.fromEntries(all.map(({ name, samples }) => [`${below}${name}.wav`, encodeWav({ samples, sampleRate: RATE })]))
const training = folder('training', {
  ...wavs(clips(range(0, 30), 200), 'low/'),
  ...wavs(clips(range(100, 30), 800), 'high/'),
  'low/silent.wav': encodeWav({ samples: new Float32Array(RATE), sampleRate: RATE }),
  'low/broken.wav': 'RIFF',
})
const reference = folder('reference', {
  ...wavs(clips(range(200, 12), 200), 'low/'),
  ...wavs(clips(range(300, 12), 800), 'high/'),
})
const evaluate = (fields: Partial<GeneratorEvaluationOptions>) =>
  evaluateGenerator({ generated: [], reference, training, sampleRate: RATE, seconds: 1, seed: 1, ...fields })

test('a set is evaluated: copies are found, labels are checked, and what is silent counts against it', async () => {
  const fresh = [...clips(range(400, 8), 200, 'low'), ...clips(range(500, 8), 800, 'high')]
  const wrong = clips([600, 601], 200, 'high')
  const copied = { name: 'copy', samples: melody(7, 1, 200).map(x => x / 2), label: 'low' }
  const silent = { name: 'silent', samples: new Float32Array(RATE), label: 'low' }
  const evaluation = await evaluate({ generated: [...fresh, ...wrong, copied, silent] })
  const { clips: counts, frechet, memorisation, mostAlike, classifier, character, leftOut } = evaluation
  assert.deepEqual(counts, { generated: 20, reference: 24, noise: 24, shuffled: 24, training: 60 })
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
      ['high', 8],
      ['low', 2],
    ]),
  )
  const html = generatorReport(evaluation, 'clips', { seed: '1' }, [...fresh, silent].slice(-4))
  assert.equal(html.match(/<audio /g)!.length, 4)
  assert.doesNotMatch(html, /NaN|undefined|https?:/)
  assert.doesNotMatch(generatorLines(evaluation).join(), /NaN|undefined/)
  const json = JSON.parse(JSON.stringify(generatorJson(evaluation)))
  assert.equal(json.classifier.byLabel.high.takenFor.low, 2)
  assert.doesNotMatch(JSON.stringify({ ...json, classifier: null }), /null.*null.*null/)
})

test('silence alone, and too little, give numbers or an error, never NaN', async () => {
  const silence = range(0, 2).map(i => ({ name: String(i), samples: new Float32Array(RATE), label: '' }))
  const { training: _, ...without } = { training, reference, sampleRate: RATE, seconds: 1, seed: 1 }
  const evaluation = await evaluateGenerator({ ...without, generated: silence })
  assert.equal(evaluation.memorisation, null)
  for (const distance of Object.values(evaluation.frechet.toReference)) assert.ok(Number.isFinite(distance))
  await assert.rejects(evaluate({ generated: silence.slice(1) }), code('BAD_DATA'))
  await assert.rejects(
    evaluate({ generated: silence, reference: folder('none', { 'notes.txt': '' }) }),
    code('BAD_DATA'),
  )
  await assert.rejects(evaluate({ generated: silence, signal: AbortSignal.abort() }), code('ABORTED'))
})

test('long recordings are cut, and clips made before are read with the labels in their names', async () => {
  const set = new ClipSet(RATE, RATE, 2)
  set.add({ name: 'long', samples: melody(1, 3), label: '' })
  assert.deepEqual(
    set.clips.map(({ name }) => name),
    ['long', 'long at 0.50 s', 'long at 0.99 s', 'long at 1.49 s', 'long at 1.98 s'],
  )
  const parts = [
    { from: 0, label: 'low' },
    { from: 1.5, label: 'high' },
  ]
  set.add({ name: 'changes', samples: melody(1, 3), label: parts })
  assert.deepEqual(
    set.clips.slice(5).map(({ label }) => label),
    ['low', 'low', 'low', 'high', 'high'],
  )
  const made = await readGeneratedClips(
    folder('made', { ...wavs([{ name: 'low-12', samples: melody(1), label: '' }]), 'bad-1.wav': 'RIFF' }),
  )
  assert.deepEqual(
    made.clips.map(({ name, label }) => [name, label]),
    [['low-12', 'low']],
  )
  assert.equal(made.leftOut.length, 1)
  assert.equal(usualSeconds(made.clips, made.sampleRate), 1)
})
