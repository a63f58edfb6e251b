/**
 * Streams of the native engine: no chunk size, number of threads or conditioner changes a byte, and the scalar
 * reference agrees.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { sliceMel } from '#src/audio/mel/frames'
import { gaussian, uniformInteger } from '#src/core/random'
import type { Engine } from '#src/engines/engine'
import { createNativeEngine, surveyNative } from '#src/engines/native/engine'
import {
  melContext,
  melHop,
  type NetworkConfig,
  networkSchema,
  positionSamples,
  receptiveRadius,
} from '#src/model/network'
import { smallStepEmbedding } from '../../support/configs.js'
import { smallConvention } from '../../support/convention.js'
import { relativeError } from '../../support/numbers.js'
import { randomParameters } from '../../support/parameters.js'
import { agreesWithOracle } from '../oracle.js'

const { available, instructionSets } = surveyNative()
const skip = !available
const fast = instructionSets.filter(name => name !== 'scalar')

for (const instructionSet of instructionSets) {
  agreesWithOracle(
    `native:${instructionSet}`,
    (network, parameters, convention = null) =>
      createNativeEngine({ network, parameters, convention, instructionSet, threads: 2 }),
    6,
  )
}

const conditioners = [
  null,
  { kind: 'transposed', bands: 5, strides: [4, 6] },
  { kind: 'transposed', bands: 18, strides: [5, 4], sharing: 'per-layer' },
  { kind: 'frame-rate', bands: 6, hop: 36 },
  { kind: 'frame-rate', bands: 4, hop: 120, encoder: [9, 20] },
] as const

const frontEnds = [
  { kind: 'windows', kernel: 16, stride: 4 },
  { kind: 'windows', kernel: 12, stride: 4, bins: 5, learned: true },
  { kind: 'windows', kernel: 12, stride: 12 },
  { kind: 'windows', kernel: 16, stride: 4, bins: 7, envelope: { iterations: 2, floor: 0.1 } },
] as const

/** Random networks with one of these front ends, and how they run. */
const cases = (ends: readonly ((typeof frontEnds)[number] | null)[]) =>
  fc.record({
    network: fc
      .record({
        channels: fc.oneof(fc.constantFrom(1, 8, 16, 24, 64), fc.integer({ min: 1, max: 50 })),
        layers: fc.integer({ min: 1, max: 8 }),
        dilationCycle: fc.integer({ min: 1, max: 8 }),
        patch: ends.includes(null) ? fc.constantFrom(1, 2, 4, 60) : fc.constant(1),
        frontEnd: fc.constantFrom(...ends),
        gate: fc.constantFrom('sigmoid-tanh', 'tanh-sigmoid'),
        residual: fc.constantFrom('before-step', 'after-step'),
        labels: fc.constantFrom(null, ['a', 'b']),
        mel: fc.constantFrom(...conditioners),
        stepEmbedding: fc.constant({ size: 8, hidden: 10 }),
        ...(ends.includes(null) ? {} : { inputMask: fc.constantFrom(null, { steps: 40 }) }),
      })
      .filter(network => networkSchema.safeParse(network).success),
    instructionSet: fc.constantFrom(...(fast.length > 0 ? fast : (['baseline'] as const))),
    threads: fc.integer({ min: 1, max: 4 }),
    latency: fc.constantFrom('normal', 'low'),
    positions: fc.integer({ min: 1, max: 1800 }),
    seed: fc.nat(),
  })

/** A convention of the network's mels, for its envelope. */
function conventionOf({ mel }: NetworkConfig) {
  if (mel === null) return null
  return smallConvention({ fftSize: 128, hop: melHop(mel), bands: mel.bands, maxFrequency: 3500 })
}

/** Passes over one clip, fed and given mel frames in random pieces, in a random order. */
async function inPieces(
  engine: Engine,
  steps: readonly number[],
  label: number | null,
  audio: readonly Float32Array[],
  mel: { data: Float32Array; bands: number; frames: number } | null,
  seed: number,
): Promise<Float32Array[]> {
  const { network } = engine
  const stream = engine.openStream({ steps, label })
  const samples = audio[0]!.length
  const fed = steps.map(() => 0)
  const given: number[][] = steps.map(() => [])
  let frames = 0
  for (let draw = 0; fed.some(count => count < samples); draw++) {
    const random = (bound: number) => uniformInteger(seed, 1, draw * 3 + (bound % 3), bound)
    if (mel !== null && frames < mel.frames && random(3) === 0) {
      const end = Math.min(mel.frames, frames + 1 + random(40))
      stream.pushMel(sliceMel(mel, frames, end), end === mel.frames)
      frames = end
      continue
    }
    const pass = random(steps.length)
    const covered =
      mel === null || frames === mel.frames
        ? samples
        : Math.max(0, frames - melContext(network.mel!)) * melHop(network.mel!)
    const end = Math.min(fed[pass]! + random(700) * positionSamples(network), covered, samples)
    if (end <= fed[pass]!) continue
    const piece = audio[pass]!.subarray(fed[pass], end)
    given[pass]!.push(...(await stream.predict(pass, piece, end === samples)))
    fed[pass] = end
    assert.ok(given[pass]!.length >= end - stream.latency, 'ε lags behind by more than the latency')
  }
  stream.dispose()
  return given.map(values => Float32Array.from(values))
}

for (const [name, ends] of [
  ['', [null]],
  [' of windowed front ends', frontEnds],
] as const) {
  test(`streams${name}: any chunks and threads give the whole’s bytes, as in the reference`, { skip }, async () => {
    await fc.assert(
      fc.asyncProperty(cases(ends), async ({ network: input, instructionSet, threads, latency, positions, seed }) => {
        const network: NetworkConfig = networkSchema.parse(input)
        const parameters = randomParameters(network, seed)
        const hop = network.mel === null ? 1 : melHop(network.mel)
        const unit = positionSamples(network)
        const frames = Math.ceil((positions * unit) / hop)
        const convention = conventionOf(network)
        const mel =
          network.mel === null
            ? null
            : { data: gaussian(seed, 2, 0, network.mel.bands * frames), bands: network.mel.bands, frames }
        const audio = [0, 1, 2].map(i => gaussian(seed, 10 + i, 0, positions * unit))
        const steps = [0, 3.5, 20]
        const label = network.labels === null ? null : 1
        const [one, several, reference] = await Promise.all([
          createNativeEngine({ network, parameters, convention, instructionSet, threads: 1, latency }),
          createNativeEngine({ network, parameters, convention, instructionSet, threads, latency }),
          createNativeEngine({ network, parameters, convention, instructionSet: 'scalar' }),
        ])
        try {
          const expected = await one.predict({
            audio,
            steps,
            ...(mel === null ? {} : { mel: steps.map(() => mel) }),
            ...(label === null ? {} : { labels: steps.map(() => label) }),
          })
          assert.deepEqual(await inPieces(several, steps, label, audio, mel, seed), expected)
          // The start of one pass, since the reference takes longer than all else together.
          const pass = seed % steps.length
          const start = Math.min(positions, 600) * unit
          const short = {
            audio: [audio[pass]!.subarray(0, start)],
            steps: [steps[pass]!],
            ...(mel === null ? {} : { mel: [sliceMel(mel, 0, Math.ceil(start / hop))] }),
            ...(label === null ? {} : { labels: [label] }),
          }
          const [[fast], [slow]] = [await one.predict(short), await reference.predict(short)]
          const error = relativeError(fast!, slow!)
          assert.ok(error < 1e-4, `pass ${pass} is ${error} off the reference`)
        } finally {
          await Promise.all([one, several, reference].map(engine => engine.dispose()))
        }
      }),
      { numRuns: 40, seed: 2021 },
    )
  })
}

test('a sample depends only on audio within the reach of a windowed front end', { skip }, async () => {
  const network = networkSchema.parse({
    stepEmbedding: smallStepEmbedding,
    channels: 8,
    layers: 4,
    dilationCycle: 3,
    frontEnd: { kind: 'windows', kernel: 16, stride: 4 },
  })
  const engine = await createNativeEngine({ network, parameters: randomParameters(network, 5) })
  const output = async (changed: number) => {
    const audio = gaussian(1, 1, 0, 800)
    if (changed >= 0) audio[changed] = 3
    return (await engine.predict({ audio: [audio], steps: [2] }))[0]!
  }
  const reach = receptiveRadius(network) * positionSamples(network)
  const [plain, changed] = [await output(-1), await output(400)]
  // Winograd blocks pass rounding errors on to their other positions.
  const affected = [...plain.keys()].filter(i => Math.abs(plain[i]! - changed[i]!) > 1e-5)
  assert.ok(affected[0]! < 400 && affected[0]! >= 400 - reach - positionSamples(network))
  assert.ok(affected.at(-1)! > 400 && affected.at(-1)! <= 400 + reach + positionSamples(network))
  await engine.dispose()
})

test('wide networks agree with the reference on every instruction set', { skip }, async () => {
  for (const channels of [96, 200, 256]) {
    const mel = { kind: 'transposed', bands: 20, strides: [5] }
    const network = networkSchema.parse({
      stepEmbedding: smallStepEmbedding,
      channels,
      layers: 2,
      dilationCycle: 2,
      mel,
    })
    const parameters = randomParameters(network, channels)
    const clip = { data: gaussian(1, 2, 0, 20 * 8), bands: 20, frames: 8 }
    const results: Float32Array[] = []
    for (const instructionSet of instructionSets) {
      const engine = await createNativeEngine({ network, parameters, instructionSet, threads: 2 })
      results.push(...(await engine.predict({ audio: [gaussian(1, 1, 0, 39)], steps: [7], mel: [clip] })))
      await engine.dispose()
    }
    const reference = results.at(-1)!
    results.forEach((epsilon, i) => {
      const error = relativeError(epsilon, reference)
      assert.ok(error < 1e-4, `${channels} channels, ${instructionSets[i]}: ${error}`)
    })
  }
})

test('a pass far behind the others gives the same bytes, though mel rows were dropped', { skip }, async () => {
  for (const mel of [
    { kind: 'transposed', bands: 3, strides: [4, 4] },
    { kind: 'frame-rate', bands: 3, hop: 4 },
  ]) {
    const network = networkSchema.parse({
      stepEmbedding: smallStepEmbedding,
      channels: 4,
      layers: 2,
      dilationCycle: 2,
      mel,
    })
    const parameters = randomParameters(network, 3)
    const engine = await createNativeEngine({ network, parameters, threads: 2 })
    const frames = 12_000 / melHop(network.mel!)
    const clip = { data: gaussian(1, 2, 0, 3 * frames), bands: 3, frames }
    const audio = gaussian(1, 1, 0, 12_000)
    const stream = engine.openStream({ steps: [1, 1] })
    stream.pushMel(clip, true)
    const first = await stream.predict(0, audio, true)
    assert.deepEqual(await stream.predict(1, audio, true), first)
    assert.deepEqual(await engine.predict({ audio: [audio], steps: [1], mel: [clip] }), [first])
    stream.dispose()
    await engine.dispose()
  }
})

test('a stream checks its input, keeps its weights and stops on a signal or dispose', {
  skip,
}, async () => {
  const network = networkSchema.parse({
    stepEmbedding: smallStepEmbedding,
    channels: 16,
    layers: 8,
    dilationCycle: 8,
    mel: { kind: 'frame-rate', bands: 2, hop: 8 },
  })
  const engine = await createNativeEngine({ network, parameters: randomParameters(network, 1), threads: 2 })
  const mel = { data: gaussian(1, 2, 0, 2 * 500), bands: 2, frames: 500 }
  const audio = gaussian(1, 1, 0, 4000)
  const open = () => {
    const stream = engine.openStream({ steps: [1, 2] })
    stream.pushMel(mel, true)
    return stream
  }
  assert.throws(() => engine.openStream({ steps: [-1] }), { code: 'BAD_SHAPE' })
  assert.throws(() => engine.openStream({ steps: [1], label: 0 }), { code: 'BAD_SHAPE' })
  const stream = open()
  assert.throws(() => stream.pushMel(mel, true), { code: 'BAD_SHAPE' })
  await assert.rejects(stream.predict(2, audio, false), { code: 'BAD_SHAPE' })
  await assert.rejects(stream.predict(0, new Float32Array(4001), true), { code: 'BAD_SHAPE' })
  await assert.rejects(stream.predict(0, Float32Array.of(Number.NaN), false), { code: 'NOT_FINITE' })
  await assert.rejects(stream.predict(0, audio, false, AbortSignal.abort()), { code: 'ABORTED' })
  const head = await stream.predict(0, audio.subarray(0, 2000), false)
  await engine.setParameters(randomParameters(network, 2))
  const tail = await stream.predict(0, audio.subarray(2000), true)
  await assert.rejects(stream.predict(0, audio, true), { code: 'BAD_SHAPE' })
  const changed = await open().predict(0, audio, true)
  await engine.setParameters(randomParameters(network, 1))
  assert.deepEqual([...head, ...tail], [...(await open().predict(0, audio, true))])
  assert.notDeepEqual(changed, await open().predict(0, audio, true))

  const stopped = open()
  const stop = new AbortController()
  const work = stopped.predict(0, audio, true, stop.signal)
  stop.abort()
  await assert.rejects(work, { code: 'ABORTED' })
  await assert.rejects(stopped.predict(1, audio, true), { code: 'DISPOSED' })

  const leaving = open()
  const last = leaving.predict(0, audio, true)
  leaving.dispose()
  await assert.rejects(leaving.predict(1, audio, true), { code: 'DISPOSED' })
  await last.then(
    epsilon => assert.equal(epsilon.length, audio.length),
    error => assert.equal(error.code, 'DISPOSED'),
  )
  const abandoned = open()
  const unfinished = abandoned.predict(0, audio, true)
  await engine.dispose()
  await assert.rejects(Promise.all([unfinished, abandoned.predict(1, audio, true)]), { code: 'DISPOSED' })
  abandoned.dispose()
})
