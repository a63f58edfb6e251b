/** The operations of the service: the same bytes as the library, and the data for the studio’s views. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodeWav } from '#src/audio/codecs/wav'
import { namedConventions } from '#src/audio/mel/convention'
import { melSpectrogram } from '#src/audio/mel/mel'
import { decodeMel } from '#src/formats/mel-tensor'
import { encodeSafetensors } from '#src/formats/safetensors'
import { Generator } from '#src/generator'
import { writeModelFolder } from '#src/model/folder'
import { headersOf } from '#src/server/http/fact-headers'
import { Vocoder } from '#src/vocoder'
import { melNumbers, noiseWav, npyMel, smallGenerator, smallVocoder } from '../support/cli-inputs.js'
import { smallGeneratorConfig } from '../support/configs.js'
import { randomParameters } from '../support/parameters.js'
import { scratch } from '../support/process.js'
import { finishedJob, getJson, jobEvents, post, problem, testService } from '../support/service.js'

const files = scratch()
const service = await testService()
const mel = (frames: number) => ({ data: melNumbers(80 * frames), bands: 80, frames })
const wavOf = async (response: Response) => {
  assert.equal(response.status, 200, response.ok ? '' : await response.text())
  return new Uint8Array(await response.arrayBuffer())
}

describe('/v1/vocode', () => {
  test('returns the bytes of the library', async () => {
    const response = await post(service, '/v1/vocode?seed=3&steps=6', npyMel(20))
    const bytes = await wavOf(response)
    const vocoder = await Vocoder.load(smallVocoder)
    assert.deepEqual(bytes, (await vocoder.synthesize(mel(20), { seed: 3, steps: 6 })).toWav())
    await vocoder.dispose()
    assert.equal(response.headers.get('content-type'), 'audio/wav')
    assert.equal(Number(response.headers.get('content-length')), bytes.length)
    assert.deepEqual(
      ['seed', 'steps', 'model', 'samples', 'sample-rate'].map(name => response.headers.get(`diffwave-${name}`)),
      ['3', '6', 'voice', String(20 * 256), '22050'],
    )
  })

  test('recognises the format by the bytes, whatever the content type', async () => {
    const tensor = { shape: [80, 20], data: melNumbers(1600) }
    const file = encodeSafetensors(new Map([['mel', tensor]]))
    const bytes = await wavOf(await post(service, '/v1/vocode?seed=3&steps=6', file, { 'content-type': 'text/plain' }))
    assert.deepEqual(bytes, await wavOf(await post(service, '/v1/vocode?seed=3&steps=6', npyMel(20))))
  })

  test('copies a recording by its mel', async () => {
    // An odd number of bytes, which a WAV file fills up.
    const response = await post(service, '/v1/vocode?seed=1&format=24', noiseWav(0, 5001))
    const bytes = await wavOf(response)
    const vocoder = await Vocoder.load(smallVocoder)
    const recording = decodeWav(noiseWav(0, 5001), 'noise')
    assert.deepEqual(bytes, (await vocoder.resynthesize(recording, { seed: 1 })).toWav({ format: '24' }))
    assert.equal(response.headers.get('content-length'), String(bytes.length))
    await vocoder.dispose()
  })

  test('draws a seed and reports it', async () => {
    const response = await post(service, '/v1/vocode', npyMel(4))
    const seed = response.headers.get('diffwave-seed')
    assert.match(seed!, /^\d+$/)
    assert.deepEqual(await wavOf(await post(service, `/v1/vocode?seed=${seed}`, npyMel(4))), await wavOf(response))
  })

  for (const system of ['zero-output', 'griffin-lim']) {
    test(`makes audio with ${system} for comparison`, async () => {
      const response = await post(service, `/v1/vocode?system=${system}&seed=1`, noiseWav(0, 6000))
      assert.equal(decodeWav(await wavOf(response), system).samples.length, 6000)
      assert.equal(response.headers.get('diffwave-system'), system)
    })
  }

  test('reports that a mel was transposed', async () => {
    const response = await post(service, '/v1/vocode', npyMel(80, 20))
    assert.match(response.headers.get('diffwave-notes')!, /transposed/)
    assert.equal(response.headers.get('diffwave-samples'), String(20 * 256))
  })
})

describe('/v1/generate', () => {
  test('returns the bytes of the library', async () => {
    const generator = await Generator.load(smallGenerator)
    const [clip] = await generator.generate({ seconds: 0.2, seed: 5 })
    await generator.dispose()
    assert.deepEqual(await wavOf(await post(service, '/v1/generate', '{"seconds": 0.2, "seed": 5}')), clip!.toWav())
    const byAddress = await post(service, '/v1/generate?seconds=0.2&seed=5')
    assert.deepEqual(await wavOf(byAddress), clip!.toWav())
    // A fact that is not there is no header.
    assert.equal(byAddress.headers.get('diffwave-label'), null)
  })

  test('draws a label if none is named, and takes null for no label', async () => {
    const config = smallGeneratorConfig({ labelShares: [0, 1] })
    const folder = files.at('drawing')
    await writeModelFolder(folder, { config, parameters: randomParameters(config.network, 1) })
    const drawing = await testService({ models: new Map([['drawing', folder]]) })
    const generator = await Generator.load(folder)
    for (const [asked, label] of [
      [undefined, 'snare'],
      ['kick', 'kick'],
      [null, null],
    ] as const) {
      const response = await post(drawing, '/v1/generate', JSON.stringify({ seed: 5, label: asked }))
      assert.equal(response.headers.get('diffwave-label'), label)
      const [clip] = await generator.generate({ seed: 5, label })
      assert.deepEqual(await wavOf(response), clip!.toWav())
    }
    await generator.dispose()
  })

  test('makes several clips as the files of a job', async () => {
    const job = await finishedJob(service, '/v1/generate', '{"seconds": 0.1, "seed": 5, "count": 3}')
    assert.equal(job.state, 'done')
    assert.deepEqual(
      job.files.map(({ name, facts }) => [name, facts['seed']]),
      [0, 1, 2].map(i => [`clip-${i}.wav`, 5 + i]),
    )
    const alone = await wavOf(await post(service, '/v1/generate?seconds=0.1&seed=6'))
    assert.deepEqual(await wavOf(await fetch(`${service.url}/v1/jobs/${job.id}/files/clip-1.wav`)), alone)
  })
})

describe('repair and mel endpoints', () => {
  test('/v1/inpaint changes only the gaps', async () => {
    const recording = noiseWav(1, 8000)
    const bytes = await wavOf(await post(service, '/v1/inpaint?gaps=0.1-0.12,0.2-0.21&seed=1&fade=0', recording))
    const [before, after] = [decodeWav(recording, 'before').samples, decodeWav(bytes, 'after').samples]
    assert.equal(after.length, before.length)
    assert.deepEqual(after.subarray(0, 2205), before.subarray(0, 2205))
    assert.notDeepEqual(after.subarray(2205, 2646), before.subarray(2205, 2646))
  })

  test('/v1/inpaint keeps the rate of a recording, and notes that of the model', async () => {
    const recording = noiseWav(1, 16_000, 44_100)
    const response = await post(service, '/v1/inpaint?gaps=0.1-0.12&seed=1&fade=0&steps=2&rounds=1', recording)
    assert.match(response.headers.get('diffwave-notes')!, /22050 Hz, and resampled to 44100 Hz.* above 11025 Hz/)
    const [before, after] = [decodeWav(recording, 'before'), decodeWav(await wavOf(response), 'after')]
    assert.equal(after.sampleRate, 44_100)
    assert.deepEqual(after.samples.subarray(0, 4410), before.samples.subarray(0, 4410))
    assert.deepEqual(after.samples.subarray(5292), before.samples.subarray(5292))
    assert.notDeepEqual(after.samples.subarray(4410, 5292), before.samples.subarray(4410, 5292))
  })

  test('/v1/denoise returns the bytes of the library', async () => {
    const recording = decodeWav(noiseWav(1, 8000), 'noise')
    const generator = await Generator.load(smallGenerator)
    const made = await generator.denoise(recording, { seed: 2, snr: 10 })
    await generator.dispose()
    const response = await post(service, '/v1/denoise?seed=2&snr=10', noiseWav(1, 8000))
    assert.deepEqual(await wavOf(response), made.toWav())
    assert.equal(Number(response.headers.get('diffwave-step')), made.step)
  })

  test('/v1/mel computes the mel of a convention or of a model', async () => {
    const recording = decodeWav(noiseWav(1, 8000), 'noise')
    for (const name of ['lmnt', 'tacotron2'] as const) {
      const query = name === 'lmnt' ? '' : '?convention=tacotron2&as=safetensors'
      const bytes = await wavOf(await post(service, `/v1/mel${query}`, noiseWav(1, 8000)))
      assert.deepEqual(decodeMel(bytes, {}, name).mel, melSpectrogram(recording, namedConventions[name]))
    }
  })
})

describe('endpoints that show diffusion', () => {
  test('/v1/forward adds the noise of a step, and reports its level', async () => {
    const query = `/v1/forward?t=20&seed=1`
    const response = await post(service, query, noiseWav(1, 8000))
    const noisy = decodeWav(await wavOf(response), 'noisy').samples
    const clean = decodeWav(noiseWav(1, 8000), 'clean').samples
    const alphaBar = Number(response.headers.get('diffwave-alpha-bar'))
    const power = (x: Float32Array) => x.reduce((sum, value) => sum + value ** 2, 0)
    const noise = noisy.map((value, i) => value - Math.sqrt(alphaBar) * clean[i]!)
    const snr = 10 * Math.log10((alphaBar * power(clean)) / power(noise))
    assert.ok(Math.abs(snr - Number(response.headers.get('diffwave-snr'))) < 0.01)
  })

  test('a model’s schedule has ᾱ of training and of sampling', async () => {
    const { training, sampling } = (await getJson(service, '/v1/models/voice/schedule?steps=6')) as {
      training: { alphaBars: number[] }
      sampling: { steps: number[]; alphaBars: number[]; spreads: number[] }
    }
    assert.equal(training.alphaBars.length, 50)
    assert.ok(training.alphaBars.every((level, i) => i === 0 || level < training.alphaBars[i - 1]!))
    assert.deepEqual([sampling.steps.length, sampling.alphaBars.length, sampling.spreads.length], [6, 6, 6])
    assert.ok(sampling.alphaBars[0]! < sampling.alphaBars[5]!)
  })

  test('/v1/process of many steps has headers that clients accept', async () => {
    const job = await finishedJob(service, '/v1/process?seconds=0.01&steps=50&model=noise&format=16')
    const { facts } = job.files.at(-1)!
    assert.equal((facts['alphaBars'] as number[]).length, 50)
    const { headers } = await fetch(`${service.url}/v1/jobs/${job.id}/result`)
    const bytes = [...headers].reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0)
    assert.ok(bytes < 4096, `${bytes} bytes`)
    assert.deepEqual(headersOf({ seed: 1, t: Array.from({ length: 4000 }, (_, i) => i) }), { 'diffwave-seed': '1' })
  })

  test('/v1/process refuses options that its model would ignore', async () => {
    const cases = [
      ['/v1/process?seconds=1', npyMel(4), 'A vocoder does not take seconds'],
      ['/v1/process?guidance=1&model=voice', npyMel(4), 'A vocoder does not take guidance'],
      ['/v1/process?refine=3', '', 'A generator does not take refine'],
      ['/v1/process?index=0&model=noise', '', 'A generator does not take index'],
      ['/v1/process?model=noise', npyMel(4), 'A generator takes no mel or recording'],
    ] as const
    for (const [path, body, detail] of cases) {
      const { state, problem } = await finishedJob(service, path, body)
      assert.deepEqual([state, problem!.code], ['failed', 'BAD_OPTION'], path)
      assert.ok(problem!.detail.startsWith(detail), problem!.detail)
    }
  })

  test('/v1/process keeps x_t, the clean audio and the noise of each step', async () => {
    const job = await finishedJob(service, '/v1/process?seed=4&steps=6', npyMel(8))
    const names = job.files.map(({ name }) => name)
    const steps = Array.from({ length: 6 }, (_, i) => [`x-${i + 1}.wav`, `clean-${i + 1}.wav`, `noise-${i + 1}.wav`])
    assert.deepEqual(names, ['x-0.wav', ...steps.flat(), 'result.wav'])
    const file = async (name: string) =>
      decodeWav(await wavOf(await fetch(`${service.url}/v1/jobs/${job.id}/files/${name}`)), name).samples
    const { data } = (await jobEvents(service, job.id)).find(event => event.name === 'step')!
    const [x, clean, noise] = await Promise.all([file('x-0.wav'), file('clean-1.wav'), file('noise-1.wav')])
    const sigma = data['inputNoiseLevel'] as number
    x.forEach((value, i) => {
      const sum = Math.sqrt(1 - sigma ** 2) * clean[i]! + sigma * noise[i]!
      assert.ok(Math.abs(value - sum) < 1e-3 * (1 + Math.abs(value)))
    })
    const direct = await wavOf(await post(service, '/v1/vocode?seed=4&steps=6&format=32f', npyMel(8)))
    const result = await fetch(`${service.url}/v1/jobs/${job.id}/result`)
    assert.deepEqual(JSON.parse(result.headers.get('diffwave-t')!), job.files.at(-1)!.facts['t'])
    assert.deepEqual(await wavOf(result), direct)
  })

  test('/v1/process of a generator needs no body', async () => {
    const job = await finishedJob(service, '/v1/process?seed=4&steps=6&seconds=0.1')
    assert.equal(job.state, 'done')
    assert.equal(job.files.at(-1)!.facts['model'], 'noise')
  })

  test('/v1/process refuses a process that is too large to keep, or too long to show', async () => {
    const long = await finishedJob(service, '/v1/process?steps=1', npyMel(5200))
    assert.deepEqual([long.problem?.code, long.problem?.expected], ['TOO_LARGE', 'at most 60 s'])
    const job = await finishedJob(service, '/v1/process?model=noise&steps=4000&seconds=10')
    assert.equal(job.problem?.code, 'TOO_LARGE')
  })

  test('/v1/compare makes every copy of a recording, with measures', async () => {
    const job = await finishedJob(service, '/v1/compare?seed=1', noiseWav(1, 8000))
    assert.deepEqual(
      job.files.map(({ name }) => name),
      ['original.wav', 'model.wav', 'zero-output.wav', 'griffin-lim.wav', 'result.json'],
    )
    const result = await (await fetch(`${service.url}/v1/jobs/${job.id}/result`)).json()
    const { systems, measures } = result as Record<'systems' | 'measures', Record<string, Record<string, unknown>>>
    assert.deepEqual(Object.keys(systems), ['model', 'zero-output', 'griffin-lim'])
    for (const system of Object.values(systems)) assert.deepEqual(Object.keys(system), Object.keys(measures))
  })
})

describe('an operation refuses', () => {
  test('options that the library does not have, in the words of the library', async () => {
    for (const [query, clauses] of [
      ['stepz=6', ['Unknown field stepz', 'one of model, steps, sampler', 'Did you mean steps?']],
      ['steps=0', ['Steps is too small', 'at least 1', '0']],
      ['steps=1e9', ['Steps is too large', 'at most 4000', '1000000000']],
      ['sampler=ddmi', ['Sampler has an unknown value', 'one of ddpm, ddim', '"ddmi"', 'Did you mean ddim?']],
      ['refine=many', ['Refine is of the wrong type', 'a finite number', '"many"']],
    ] as const) {
      const refused = await problem(await post(service, `/v1/vocode?${query}`, npyMel(4)), 400, 'BAD_OPTION')
      const text = [refused['problem'], refused['expected'], refused['got'], refused['hint']].join('\n')
      for (const clause of clauses) assert.ok(text.includes(clause), text)
    }
    const nested = '{"label": {"constructor": {"name": 1}}}'
    assert.equal((await problem(await post(service, '/v1/generate', nested), 400, 'BAD_OPTION'))['got'], 'Object')
    await problem(await post(service, '/v1/vocode?seed=1&seed=2', npyMel(4)), 400, 'BAD_OPTION')
    await problem(await post(service, '/v1/inpaint?gaps=1', noiseWav(1, 8000)), 400, 'BAD_OPTION')
    await problem(await post(service, '/v1/generate', '[]'), 400, 'BAD_REQUEST')
    await problem(await post(service, '/v1/generate', '{"seconds": 0.1'), 400, 'BAD_REQUEST')
    await problem(await post(service, '/v1/generate?seconds=0.1', '{"seconds": 0.1}'), 400, 'BAD_OPTION')
  })

  test('models by path: only names are accepted', async () => {
    for (const name of ['nope', 'models/speech', '../voice', '/etc/passwd', 'toString', '__proto__']) {
      await problem(
        await post(service, `/v1/vocode?model=${encodeURIComponent(name)}`, npyMel(4)),
        404,
        'UNKNOWN_MODEL',
      )
    }
    await problem(await post(service, '/v1/vocode?model=noise', npyMel(4)), 400, 'BAD_OPTION')
  })

  test('bodies that are neither a mel nor a recording', async () => {
    await problem(await post(service, '/v1/vocode'), 422, 'TRUNCATED')
    await problem(await post(service, '/v1/vocode', 'hello'), 415, 'UNSUPPORTED_FORMAT')
    await problem(await post(service, '/v1/vocode', npyMel(30, 40)), 422, 'BAD_MEL')
    await problem(await post(service, '/v1/vocode', npyMel(30).subarray(0, 200)), 422, 'TRUNCATED')
    await problem(await post(service, '/v1/mel', npyMel(4)), 415, 'UNSUPPORTED_FORMAT')
  })
})
