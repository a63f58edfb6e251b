/** ONNX exports: the content of the files, and the agreement of ONNX Runtime with our engines. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { gaussian } from '#src/core/random'
import { elementCount, type Tensors } from '#src/core/tensor'
import { Denoiser } from '#src/denoiser/denoiser'
import { withCorrection } from '#src/engines/corrected/corrected-engine'
import type { Engine } from '#src/engines/engine'
import { checkOnnxSize, exportOnnx } from '#src/export/onnx/export-onnx'
import { readNumbers, writeNumbers } from '#src/formats/numbers'
import { type ModelConfig, type ModelConfigInput, modelConfigSchema } from '#src/model/config'
import { parameterSpecs } from '#src/model/parameters'
import { Vocoder } from '#src/vocoder'
import { createInSameThread } from '../engines/wasm/same-thread.js'
import { pythonWith, runPython } from '../interop/python.js'
import { relativeError } from '../support/numbers.js'
import { fields, messages, noiseOf, openOnnx, texts } from '../support/onnx.js'
import { inRepository } from '../support/paths.js'
import { scratch } from '../support/process.js'

const files = scratch()
/**
 * The wasm engine. Its arithmetic is the same on every processor, and as exact as ONNX Runtime's: the native engine's
 * sums of bfloat16 parts (AMX) differ by more than some of the bounds here. What native engines compute, conformance.ts
 * compares.
 */
async function engineOf({ config: { network, mel: convention }, parameters }: Model): Promise<Engine> {
  return withCorrection(await createInSameThread({ network, parameters, convention }), convention)
}
type MelConfig = NonNullable<ModelConfigInput['network']['mel']>

const SMALL = { channels: 6, layers: 4, dilationCycle: 3, stepEmbedding: { size: 16, hidden: 12 } } as const
const mel5 = { kind: 'transposed', bands: 5, strides: [3, 4] } satisfies MelConfig
const convention = {
  sampleRate: 8000,
  fftSize: 64,
  windowLength: 48,
  hop: 12,
  framing: 'centre',
  power: 1,
  bands: 5,
  melScale: 'htk',
  filterNorm: 'none',
  minFrequency: 0,
  maxFrequency: 3000,
  logarithm: 'ln',
  floor: 1e-5,
} as const

/** Its windows are its transforms, as an envelope needs them. */
const wide = { ...convention, windowLength: 64 }
const windowed = {
  ...SMALL,
  frontEnd: { kind: 'windows', kernel: 16, stride: 4, bins: 7, envelope: { floor: 0.01 } },
  mel: { kind: 'frame-rate', bands: 5, hop: 12, encoder: [7] },
} satisfies ModelConfigInput['network']
const corrected = { ...windowed.frontEnd, correction: { passes: 2, iterations: 3, relaxation: 1.7 } }

type Fields = Partial<ModelConfigInput> & Pick<ModelConfigInput, 'network'>

function configOf(fields: Fields): ModelConfig {
  const vocodes = fields.network.mel !== undefined
  return modelConfigSchema.parse({
    format: 'diffwave',
    version: 1,
    kind: vocodes ? 'vocoder' : 'generator',
    sampleRate: 8000,
    mel: vocodes ? (fields.network.frontEnd ? wide : convention) : null,
    diffusion: { training: { kind: 'linear', steps: 50, betaStart: 1e-4, betaEnd: 0.05 } },
    ...fields,
  })
}

function parametersOf({ network }: ModelConfig): Tensors {
  return new Map(
    parameterSpecs(network).map(({ name, shape }, i) => [
      name,
      { shape, data: gaussian(1, i, 0, elementCount(shape)).map(value => 0.3 * value) },
    ]),
  )
}

interface Model {
  readonly config: ModelConfig
  readonly parameters: Tensors
}

const modelOf = (fields: Fields): Model => {
  const config = configOf(fields)
  return { config, parameters: parametersOf(config) }
}

const training = { kind: 'linear', steps: 50, betaStart: 1e-4, betaEnd: 0.05 } as const
/** Enough for DPM-Solver++ to use the step before. Each step adds nodes to a graph, which take long to load. */
const steps3 = { training, defaultSteps: 3 } as const

describe('an ONNX file', () => {
  test('holds all weights unchanged, and its nodes use only earlier values', async () => {
    const model = modelOf({ network: { ...SMALL, mel: mel5 } })
    await exportOnnx(model, files.at('file.onnx'), { part: 'denoiser' })
    const [graph] = messages(readFileSync(files.at('file.onnx')), 7)
    const weights = new Map(messages(graph!, 5).map(constant => [texts(constant, 8)[0]!, constant]))
    for (const [name, { shape, data }] of model.parameters) {
      const constant = weights.get(name)
      assert.ok(constant !== undefined, name)
      const sizes = fields(constant).filter(field => field.number === 1)
      assert.deepEqual(
        sizes.map(field => Number(field.value)),
        shape,
      )
      assert.deepEqual(new Float32Array(Uint8Array.from(messages(constant, 9)[0]!).buffer), data)
    }
    const known = new Set([...weights.keys(), ...messages(graph!, 11).flatMap(input => texts(input, 1))])
    for (const node of messages(graph!, 1)) {
      for (const input of texts(node, 1)) assert.ok(known.has(input), `${input} is not known yet`)
      for (const output of texts(node, 2)) known.add(output)
    }
    assert.ok(known.has('output'))
  })

  test('of the denoiser can be written with options of a download', async () => {
    const model = modelOf({ network: { ...SMALL, mel: mel5 } })
    const { steps } = await exportOnnx(model, files.at('x.onnx'), { part: 'denoiser', download: {} })
    assert.equal(steps, null)
  })

  test('states the sample rate, the hop and the config', async () => {
    const { inputs, outputs, hop, steps } = await exportOnnx(
      modelOf({ network: { ...SMALL, mel: mel5 }, diffusion: steps3 }),
      files.at('file.onnx'),
    )
    assert.deepEqual([hop, steps], [12, 3])
    assert.deepEqual(
      [...inputs, ...outputs].map(({ name, shape }) => [name, ...shape]),
      [
        ['mel', 'batch', 5, 'frames'],
        ['noise', 'batch', 3, 'samples'],
        ['audio', 'batch', 'samples'],
      ],
    )
    const metadata = messages(readFileSync(files.at('file.onnx')), 14).map(entry => [
      texts(entry, 1)[0],
      texts(entry, 2)[0],
    ])
    const values = new Map(metadata as [string, string][])
    assert.equal(values.get('sample_rate'), '8000')
    assert.equal(JSON.parse(values.get('diffwave_config')!).network.channels, 6)
  })

  const python = pythonWith('onnx')
  test('passes onnx.checker', { skip: python === null ? 'needs a Python with onnx' : false }, async () => {
    const paths: string[] = []
    for (const name of ['speech', 'speech-24khz', 'music', 'lmnt-speech']) {
      const path = files.at(`${name}.onnx`)
      await exportOnnx(inRepository(`models/${name}`), path, { type: 'F16' })
      paths.push(path)
    }
    const program = `
import sys, onnx
for path in sys.argv[1:]:
    onnx.checker.check_model(onnx.load(path), full_check=True)`
    const { status, stderr } = await runPython(python!, program, paths)
    assert.equal(status, 0, stderr)
  })
})

describe('one call of the exported denoiser equals our engine', () => {
  const label = { labels: ['a', 'b', 'c'] }
  const networks: readonly (readonly [string, Fields])[] = [
    ['a shared upsampler', { network: { ...SMALL, mel: mel5 } }],
    [
      'philsyn’s variants',
      {
        network: {
          ...SMALL,
          gate: 'tanh-sigmoid',
          residual: 'after-step',
          stepEmbedding: { ...SMALL.stepEmbedding, frequencies: 'inverse', fractional: 'direct' },
          mel: { ...mel5, sharing: 'per-layer' },
        },
      },
    ],
    ['an upsampler and a patch', { network: { ...SMALL, patch: 4, mel: mel5 } }],
    [
      'a frame-rate mel and a patch',
      { network: { ...SMALL, patch: 3, mel: { kind: 'frame-rate', bands: 5, hop: 12, encoder: [7] } } },
    ],
    [
      'windows of a generator with labels',
      { network: { ...SMALL, frontEnd: { kind: 'windows', kernel: 12, stride: 4, bins: 5 }, ...label } },
    ],
    [
      'learned windows, a mask and an upsampler',
      {
        network: {
          ...SMALL,
          frontEnd: { kind: 'windows', kernel: 12, stride: 6, learned: true },
          inputMask: { steps: 50 },
          mel: mel5,
        },
      },
    ],
    ['windows with an envelope', { network: { ...windowed, inputMask: { steps: 50 } } }],
    [
      'windows that do not overlap, with an envelope',
      { network: { ...windowed, frontEnd: { kind: 'windows', kernel: 4, stride: 4, envelope: { iterations: 3 } } } },
    ],
    [
      'windows with a correction',
      { network: { ...windowed, frontEnd: corrected }, diffusion: { ...steps3, prediction: 'x0', clamp: false } },
    ],
    ['a mask and labels', { network: { ...SMALL, patch: 4, inputMask: { steps: 50 }, ...label } }],
  ]
  for (const [title, fields] of networks) {
    test(title, async () => {
      const model = modelOf(fields)
      const { config } = model
      const { network } = config
      await exportOnnx(model, files.at('denoiser.onnx'), { part: 'denoiser' })
      const session = await openOnnx(readFileSync(files.at('denoiser.onnx')))
      const engine = await engineOf(model)
      for (const frames of [1, 2, 7]) {
        const steps = [3.5, 17]
        const audio = steps.map((_, i) => gaussian(2, i, 0, 12 * frames))
        const mels = steps.map((_, i) => ({ data: gaussian(3, i, 0, 5 * frames), bands: 5, frames }))
        const labels = network.labels === null ? null : [1, null]
        const joined = (clips: readonly Float32Array[]) => Float32Array.from(clips.flatMap(clip => [...clip]))
        const expected = await engine.predict({
          audio,
          steps,
          ...(network.mel === null ? {} : { mel: mels }),
          ...(labels === null ? {} : { labels }),
        })
        const { output } = await session.run({
          audio: { shape: [2, 12 * frames], data: joined(audio) },
          step: { shape: [2], data: Float32Array.from(steps) },
          ...(network.mel === null
            ? {}
            : { mel: { shape: [2, 5, frames], data: joined(mels.map(({ data }) => data)) } }),
          ...(labels === null ? {} : { label: { shape: [2], data: BigInt64Array.of(1n, 3n) } }),
        })
        assert.ok(relativeError(output!, joined(expected)) < 1e-5, `${frames} frames`)
      }
      await engine.dispose()
      await session.release()
    })
  }
})

describe('an export of the whole process equals our synthesis', () => {
  const frameRate = { kind: 'frame-rate', bands: 5, hop: 12, encoder: [7] } satisfies MelConfig
  const energy = { kind: 'mel-energy', minEnergy: 0.1, maxEnergy: 2 } as const
  const patched = { ...SMALL, patch: 4, mel: frameRate }
  const edge = { ...convention, framing: 'edge' } as const
  const oddHop = { ...SMALL, mel: { kind: 'frame-rate', bands: 5, hop: 15 } satisfies MelConfig }
  const standardise = { kind: 'standardise', mean: [-1, 0, 1, 0, 0.5], deviation: [2, 1, 1, 2, 3] } as const
  const vocoders: readonly (readonly [string, Fields, object?])[] = [
    ['DDPM with a clamp', { network: patched, diffusion: { ...steps3, clamp: true } }],
    [
      'DDIM with η, v-prediction',
      { network: patched, diffusion: { ...steps3, clamp: false, prediction: 'v' } },
      { sampler: 'ddim', eta: 0.5 },
    ],
    [
      'DPM-Solver++, x0-prediction',
      { network: patched, diffusion: { ...steps3, clamp: false, prediction: 'x0' } },
      { sampler: 'dpm-solver++' },
    ],
    [
      'a loop of 12 steps of DPM-Solver++',
      { network: patched, diffusion: { ...steps3, clamp: false } },
      { sampler: 'dpm-solver++', steps: 12 },
    ],
    ['a loop of 12 steps of DDPM with a clamp', { network: patched, diffusion: steps3 }, { steps: 12 }],
    ['a mel-energy prior', { network: patched, diffusion: { ...steps3, prior: energy } }],
    [
      'a mel-energy prior between frames',
      { network: patched, mel: { ...edge, power: 2 }, diffusion: { ...steps3, prior: energy } },
    ],
    [
      'a mel-energy prior between frames, half a sample from any',
      { network: oddHop, mel: { ...edge, hop: 15 }, diffusion: { ...steps3, prior: energy } },
    ],
    [
      'a mel-envelope prior of frames half a sample from any',
      {
        network: oddHop,
        mel: { ...edge, hop: 15 },
        diffusion: { ...steps3, clamp: false, prior: { kind: 'mel-envelope' } },
      },
    ],
    [
      'a mel-envelope prior',
      { network: patched, diffusion: { ...steps3, clamp: false, signalScale: 2, prior: { kind: 'mel-envelope' } } },
    ],
    [
      'a mel-envelope prior of formants, powers, log10 and another framing',
      {
        network: patched,
        mel: { ...edge, power: 2, logarithm: 'log10', normalisation: standardise },
        diffusion: { ...steps3, clamp: false, prior: { kind: 'mel-envelope', follows: 'formants', floor: 1e-3 } },
      },
    ],
    [
      'a mel-envelope prior, with bands that hold no bin',
      {
        network: patched,
        mel: { ...convention, maxFrequency: 250 },
        diffusion: { ...steps3, clamp: false, prior: { kind: 'mel-envelope', follows: 'formants' } },
      },
    ],
    [
      'a mel-envelope prior of formants, with bands of silence',
      {
        network: patched,
        // −2 is silence, and half of what the mels below hold.
        mel: { ...convention, logarithm: 'none', normalisation: { kind: 'affine', scale: 0.5, offset: -2 } },
        diffusion: { ...steps3, clamp: false, prior: { kind: 'mel-envelope', follows: 'formants' } },
      },
    ],
    [
      'a high band',
      {
        network: patched,
        mel: { ...convention, maxFrequency: 2500 },
        diffusion: { ...steps3, highBand: { from: 1500, gain: 6, slope: -2 } },
      },
    ],
    [
      'a high band of powers and another framing, beside a sampler that adds no noise',
      {
        network: patched,
        mel: { ...edge, power: 2, logarithm: 'log10', normalisation: standardise, maxFrequency: 2500 },
        diffusion: { ...steps3, highBand: { from: 1500, gain: 6 } },
      },
      { sampler: 'ddim' },
    ],
    ['windows and no prior', { network: { ...windowed, inputMask: { steps: 50 } }, diffusion: steps3 }],
    [
      'windows, their prior, a correction and a schedule with a noise scale of its own',
      {
        network: { ...windowed, frontEnd: corrected, inputMask: { steps: 50 } },
        diffusion: {
          ...steps3,
          clamp: false,
          prediction: 'x0',
          noiseScale: 0.2,
          prior: { kind: 'front-end' },
          sampling: { 2: { betas: [0.1, 0.6], sampler: 'ddim', noiseScale: 0.6 } },
        },
      },
      { steps: 2 },
    ],
    [
      'a loop of 12 steps with a windowed front end, its prior and a correction',
      {
        network: { ...windowed, frontEnd: corrected },
        diffusion: { ...steps3, clamp: false, prediction: 'x0', noiseScale: 0.2, prior: { kind: 'front-end' } },
      },
      { sampler: 'ddim', steps: 12 },
    ],
  ]
  for (const [title, fields, choice = {}] of vocoders) {
    test(title, async () => {
      const model = modelOf(fields)
      await exportOnnx(model, files.at('whole.onnx'), choice)
      const session = await openOnnx(readFileSync(files.at('whole.onnx')))
      const { mel: melOfModel } = model.config
      const vocoder = new Vocoder(new Denoiser(model.config, await engineOf(model)))
      for (const frames of [1, 2, 7, 19]) {
        const lowest = melOfModel!.logarithm === 'none' ? -2 : Number.NEGATIVE_INFINITY
        const mel = { data: gaussian(3, 0, 0, 5 * frames).map(v => Math.max(v - 2, lowest)), bands: 5, frames }
        const { samples } = await vocoder.synthesize(mel, { seed: 5, ...choice })
        const noise = noiseOf(model.config, 5, melOfModel!.hop * frames, choice)
        const { audio } = await session.run({ mel: { shape: [1, 5, frames], data: mel.data }, noise })
        assert.ok(relativeError(audio!, samples) < 1e-4, `${frames} frames: ${relativeError(audio!, samples)}`)
      }
      await vocoder.dispose()
      await session.release()
    })
  }

  test('gives the same result for several clips in one call as for each alone', async () => {
    const model = modelOf({ network: patched, diffusion: { ...steps3, prior: energy } })
    await exportOnnx(model, files.at('batch.onnx'))
    const session = await openOnnx(readFileSync(files.at('batch.onnx')))
    const clips = [0, 1].map(i => ({
      mel: gaussian(6, i, 0, 25),
      noise: noiseOf(model.config, i, 60).data as Float32Array,
    }))
    const rows = clips[0]!.noise.length / 60
    const inputs = (mels: Float32Array, noise: Float32Array, count: number) => ({
      mel: { shape: [count, 5, 5], data: mels },
      noise: { shape: [count, rows, 60], data: noise },
    })
    const join = (name: 'mel' | 'noise') => Float32Array.from(clips.flatMap(clip => [...clip[name]]))
    const { audio } = await session.run(inputs(join('mel'), join('noise'), 2))
    for (const [i, { mel, noise }] of clips.entries()) {
      const alone = await session.run(inputs(mel, noise, 1))
      assert.ok(relativeError(audio!.subarray(i * 60, (i + 1) * 60), alone['audio']!) < 1e-6)
    }
    await session.release()
  })
})

test('an export with half-precision weights is half as large and uses the rounded weights', async () => {
  // Learned windows are not weights of a convolution.
  const frontEnd = { kind: 'windows', kernel: 8, stride: 4, learned: true } as const
  const model = modelOf({ network: { ...SMALL, channels: 64, frontEnd } })
  const rounded = new Map(
    [...model.parameters].map(([name, { shape, data }]) => {
      const bytes = writeNumbers(data, 'F16', name)
      return [name, { shape, data: readNumbers(bytes, { type: 'F16', count: data.length }, name) }]
    }),
  )
  const inputs = {
    audio: { shape: [1, 20], data: gaussian(1, 0, 0, 20) },
    step: { shape: [1], data: new Float32Array(1) },
  }
  const outputOf = async (exported: Model, type: 'F32' | 'F16') => {
    const { bytes } = await exportOnnx(exported, files.at(`${type}.onnx`), { part: 'denoiser', type })
    const session = await openOnnx(readFileSync(files.at(`${type}.onnx`)))
    const { output } = await session.run(inputs)
    await session.release()
    return { bytes, output }
  }
  const full = await outputOf(model, 'F32')
  const half = await outputOf(model, 'F16')
  assert.ok(half.bytes < 0.6 * full.bytes)
  assert.deepEqual(half.output, (await outputOf({ ...model, parameters: rounded }, 'F32')).output)
  assert.notDeepEqual(half.output, full.output)
})

describe('exportOnnx refuses', () => {
  const small = modelOf({ network: { ...SMALL, mel: mel5 } })
  for (const [title, options, expected] of [
    ['an unknown option', { step: 4 }, { code: 'BAD_OPTION', message: /step/ }],
    ['bfloat16', { type: 'BF16' }, { code: 'BAD_OPTION', message: /F32 or F16/ }],
    ['a schedule for the denoiser', { part: 'denoiser', steps: 4 }, { code: 'BAD_OPTION', message: /steps/ }],
    ['guidance of a vocoder', { guidance: 1 }, { code: 'BAD_OPTION', message: /guidance/ }],
    ['an unknown schedule', { steps: 'quick' }, { code: 'BAD_OPTION', message: /schedule/ }],
    ['η for another sampler', { sampler: 'ddpm', eta: 1 }, { code: 'BAD_OPTION', message: /eta/ }],
  ] as const) {
    test(title, async () => {
      await assert.rejects(exportOnnx(small, files.at('x.onnx'), options as never), expected)
    })
  }

  test('more weights than a file can hold, and suggests another format', () => {
    checkOnnxSize(500_000_000, 'F32')
    assert.throws(() => checkOnnxSize(600_000_000, 'F32'), { code: 'TOO_LARGE', hint: /F16/ })
    checkOnnxSize(600_000_000, 'F16')
    assert.throws(() => checkOnnxSize(1_200_000_000, 'F16'), { code: 'TOO_LARGE', hint: /safetensors/ })
  })

  test('a weight beyond half precision, by its name', async () => {
    const name = 'skip_projection.bias'
    const { shape, data } = small.parameters.get(name)!
    const parameters = new Map(small.parameters).set(name, { shape, data: data.map(() => 1e5) })
    await assert.rejects(exportOnnx({ ...small, parameters }, files.at('x.onnx'), { type: 'F16' }), {
      code: 'NOT_FINITE',
      message: /skip_projection\.bias/,
    })
  })

  test('nothing because of phase refinement, which is left out with a note', async () => {
    const diffusion = { ...steps3, refinement: { iterations: 2 } }
    const refined = modelOf({ network: { ...SMALL, mel: mel5 }, diffusion })
    const { notes } = await exportOnnx(refined, files.at('x.onnx'))
    assert.match(notes[0]!, /phase refinement/)
  })
})
