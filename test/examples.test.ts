/** Runs every program of examples/ on small models. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'
import { readWav } from '#src/audio/codecs/read-wav'
import { OnnxGraph } from '#src/formats/onnx'
import { melNumbers, noiseWav, npyMel, smallGenerator, smallVocoder } from './support/cli-inputs.js'
import { moduleRunner } from './support/module-runner.js'
import { inRepository } from './support/paths.js'
import { scratch } from './support/process.js'

const { at, put } = scratch()
const FRAMES = 12
const SAMPLES = FRAMES * 256
const mel = put('mel.npy', npyMel(FRAMES))

const example = (name: string) => inRepository(`examples/${name}`)

/** Runs an example to its end as a reader does, and returns what it printed. */
function runAlone(name: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [example(name), ...args], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return stdout
}

const modules = moduleRunner()

/** Runs an example to its end in the process of the others, and returns what it printed. */
async function run(name: string, ...args: string[]): Promise<string> {
  const { output, error } = await modules.run(example(name), args)
  assert.equal(error, '')
  return output
}

/** The body of a request: a mel as float32, [bands × frames]. */
function melBody(frames: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(melNumbers(80 * frames).slice().buffer)
}

/** Checks the bytes of a streamed WAV: a header and 16-bit samples. */
function assertWav(bytes: Uint8Array, samples: number): void {
  assert.equal(Buffer.from(bytes.subarray(0, 4)).toString(), 'RIFF')
  assert.equal(bytes.length, 44 + 2 * samples)
}

test('vocode.mjs writes the audio of a mel', async () => {
  assert.match(runAlone('vocode.mjs', mel, at('speech.wav'), smallVocoder), /0\.14 s in 6 steps/)
  assert.equal((await readWav(at('speech.wav'))).samples.length, SAMPLES)
})

test('embed-server.mjs serves, and ends once the service has stopped', async () => {
  assert.match(
    runAlone('embed-server.mjs', mel, at('served.wav'), smallVocoder),
    /: seed 1, from http:\/\/127\.0\.0\.1:\d+\n$/,
  )
  assert.equal((await readWav(at('served.wav'))).samples.length, SAMPLES)
})

test('live-mel.mjs vocodes a mel while it arrives', async () => {
  const output = await run('live-mel.mjs', mel, at('live.wav'), smallVocoder)
  assert.match(output, /^look-ahead: [\d.]+ s\nfirst audio after [\d.]+ s\nlast audio after [\d.]+ s\n$/)
  assert.equal((await readWav(at('live.wav'))).samples.length, SAMPLES)
})

/** How the acoustic models of other projects name what they take and make. Each has the shape that it has there. */
const acousticModels = {
  matcha: { inputs: { x: 2, x_lengths: 1, scales: 'floats' }, mel: 'mel', transposed: false },
  fastpitch: { inputs: { text: 2, pitch: 'row', pace: 'row', speaker: 1 }, mel: 'spect', transposed: false },
  fastspeech2: {
    inputs: { speakers: 1, texts: 2, src_lens: 1, max_src_len: 0 },
    mel: 'postnet_output',
    transposed: true,
  },
  other: { inputs: { tokens: 2 }, mel: 'anything', transposed: false },
} as const

/** An acoustic model: each token id is one frame, the id times a row of numbers. It wants every input. */
function acousticModel(kind: keyof typeof acousticModels): Uint8Array {
  const { inputs, mel, transposed } = acousticModels[kind]
  const graph = new OnnxGraph({ name: 'acoustic' })
  const shapes = { 2: [1, 'tokens'], 1: [1], 0: [], floats: [2], row: [1, 'tokens'] } as const
  let ids = graph.scalar(0)
  const others = Object.entries<keyof typeof shapes>(inputs).map(([name, shape]) => {
    const value = graph.input(name, shapes[shape], typeof shape === 'number' ? 'int64' : 'float')
    if (shape === 2) ids = graph.cast(value, 'float')
    return graph.node('ReduceSum', [graph.node('Mul', [graph.cast(value, 'float'), graph.scalar(0)])], { keepdims: 0 })
  })
  const row = graph.floats('row', transposed ? [1, 1, 80] : [1, 80, 1], melNumbers(80))
  const frames = graph.node('Unsqueeze', [ids, graph.integers(transposed ? 2 : 1)])
  const made = others.reduce((sum, zero) => graph.node('Add', [sum, zero]), graph.node('Mul', [frames, row]))
  const shape = transposed ? [1, 'frames', 80] : [1, 80, 'frames']
  // FastSpeech 2 returns the mel before its postnet first.
  if (kind === 'fastspeech2') graph.output(graph.node('Mul', [made, graph.scalar(2)]), 'output', shape)
  graph.output(made, mel, shape)
  return graph.bytes()
}

test('acoustic-model.mjs vocodes mels of Matcha, FastPitch, FastSpeech 2 and others', async () => {
  const kinds = Object.keys(acousticModels) as (keyof typeof acousticModels)[]
  for (const kind of kinds) {
    const acoustic = put(`${kind}.onnx`, acousticModel(kind))
    const printed = await run('acoustic-model.mjs', kind, acoustic, '3 1 4 1', at(`${kind}.wav`), smallVocoder)
    assert.equal(printed, '4 frames, 0.05 s\n')
  }
  const audio = await Promise.all(kinds.map(async kind => (await readWav(at(`${kind}.wav`))).samples))
  assert.equal(audio[0]!.length, 4 * 256)
  for (const other of audio.slice(1)) assert.deepEqual(other, audio[0])
})

test('acoustic-model.mjs undoes a normalisation', async () => {
  const acoustic = put('acoustic.onnx', acousticModel('matcha'))
  await run('acoustic-model.mjs', 'matcha', acoustic, '3 1', at('plain.wav'), smallVocoder)
  const statistics = { one: '{"mel_mean": 0, "mel_std": 1}', other: '{"mel_mean": -1, "mel_std": 0.5}' }
  for (const [name, json] of Object.entries(statistics)) {
    const file = put(`${name}.json`, json)
    await run('acoustic-model.mjs', 'matcha', acoustic, '3 1', at(`${name}.wav`), smallVocoder, file)
  }
  const audio = async (name: string) => (await readWav(at(`${name}.wav`))).samples
  const plain = await audio('plain')
  assert.deepEqual(await audio('one'), plain)
  assert.notDeepEqual(await audio('other'), plain)
})

test('generate.mjs writes clips that are named by their seeds', async () => {
  assert.match(await run('generate.mjs', at('clips'), smallGenerator), /seed 1, label none\nseed 2, label none/)
  assert.deepEqual(readdirSync(at('clips')).sort(), ['seed-1.wav', 'seed-2.wav'])
})

test('watch-steps.mjs saves the estimate of every step', async () => {
  const printed = await run('watch-steps.mjs', mel, at('steps'), smallVocoder)
  assert.equal(printed.match(/^step \d of 6: noise level 0\.\d{3}, RMS \d+\.\d{3}$/gm)?.length, 6)
  assert.equal(readdirSync(at('steps')).length, 7)
  assert.equal((await readWav(at('steps/step-1.wav'))).samples.length, SAMPLES)
})

test('inpaint.mjs fills the gap and keeps the rest', async () => {
  const damaged = put('damaged.wav', noiseWav(1, 16_000))
  await run('inpaint.mjs', damaged, at('repaired.wav'), '0.30-0.31', smallVocoder)
  const [before, after] = [await readWav(damaged), await readWav(at('repaired.wav'))]
  assert.deepEqual(after.samples.slice(0, 6000), before.samples.slice(0, 6000))
  assert.notDeepEqual(after.samples.slice(6615, 6836), before.samples.slice(6615, 6836))
})

test('train.mjs trains a model and continues a run', async () => {
  put('recordings/a.wav', noiseWav(2, 16_000))
  put('recordings/b.wav', noiseWav(3, 16_000))
  assert.match(await run('train.mjs', at('recordings'), at('run'), '1'), /update 1, loss \d\.\d{4}/)
  assert.match(await run('train.mjs', at('recordings'), at('run'), '2'), /update 2, loss \d\.\d{4}/)
  assert.ok(existsSync(at('run/model/config.json')))
})

test('foreign-checkpoint.mjs loads a checkpoint and vocodes with it', async () => {
  assert.match(
    await run('foreign-checkpoint.mjs', smallVocoder, mel, at('foreign.wav')),
    /vocoder, 22050 Hz, 6 layers of 8/,
  )
  assert.deepEqual(readFileSync(at('foreign.wav')).length, 44 + 2 * SAMPLES)
})

test('an example without its arguments says which it needs', async () => {
  const names = readdirSync(example('')).filter(name => name.endsWith('.mjs') && name !== 'http-server.mjs')
  for (const name of names) {
    const { output, error } = await modules.run(example(name))
    assert.match(output, new RegExp(`^usage: node ${name} [^\\n]+\\n$`))
    assert.equal(error, 'exit 2')
  }
})

test('no example leaves anything running', async () => {
  assert.equal(await modules.end(), 0)
})

describe('http-server.mjs', () => {
  test('streams a WAV, and answers a bad mel with 400', async () => {
    const server = spawn(process.execPath, [example('http-server.mjs'), smallVocoder], {
      env: { ...process.env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const [address] = (await once(createInterface(server.stdout), 'line')) as [string]
      const response = await fetch(address, { method: 'POST', body: melBody(FRAMES) })
      assert.equal(response.headers.get('content-type'), 'audio/wav')
      assertWav(new Uint8Array(await response.arrayBuffer()), SAMPLES)
      const refused = await fetch(address, { method: 'POST', body: melBody(FRAMES).slice(4) })
      assert.equal(refused.status, 400)
      assert.match(await refused.text(), /mel/)
      const large = await fetch(address, { method: 'POST', body: new Uint8Array(2 ** 24 + 4) })
      assert.equal(large.status, 413)
    } finally {
      server.kill()
      await once(server, 'exit')
    }
  })
})

describe('nextjs/app/speech/route.js', () => {
  test('streams a WAV, and answers a bad mel with 400', async () => {
    process.env['DIFFWAVE_MODEL'] = smallVocoder
    const { POST } = await import(example('nextjs/app/speech/route.js'))
    const post = (body: Uint8Array<ArrayBuffer>): Promise<Response> =>
      POST(new Request('http://localhost/speech', { method: 'POST', body }))
    assertWav(new Uint8Array(await (await post(melBody(FRAMES))).arrayBuffer()), SAMPLES)
    assert.equal((await post(melBody(FRAMES).slice(4))).status, 400)
  })

  test('loads its model again after a failure', async () => {
    const path = example('nextjs/app/speech/route.js')
    const { POST } = await import(`${path}?anew`)
    const post = () => POST(new Request('http://localhost/speech', { method: 'POST', body: melBody(FRAMES) }))
    process.env['DIFFWAVE_MODEL'] = at('gone')
    await assert.rejects(post())
    process.env['DIFFWAVE_MODEL'] = smallVocoder
    assert.equal((await post()).status, 200)
  })
})

test('the README of examples describes every example', () => {
  const readme = readFileSync(example('README.md'), 'utf8')
  const programs = readdirSync(example(''), { recursive: true, encoding: 'utf8' })
    .map(file => file.replaceAll('\\', '/'))
    .filter(file => /\.(mjs|js)$/.test(file))
  for (const program of programs) assert.ok(readme.includes(`(${program})`), program)
})
