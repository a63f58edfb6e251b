/** The networks of interop/pytorch agree with this package's engines. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { readWav } from '#src/audio/codecs/read-wav'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { namedConventions } from '#src/audio/mel/convention'
import { readWhole } from '#src/audio/mel/feed'
import { melSpectrogram } from '#src/audio/mel/mel'
import { PhaseRefinement } from '#src/audio/mel/phase-refinement'
import { concatenateAudio } from '#src/core/concatenate'
import { gaussian } from '#src/core/random'
import type { Tensors } from '#src/core/tensor'
import { modelDomain } from '#src/denoiser/denoiser'
import { loadModel } from '#src/denoiser/load-model'
import { scheduleFor } from '#src/diffusion/schedule'
import { createEngine } from '#src/engines/select'
import { encodeNpy } from '#src/formats/npy'
import { decodeSafetensors, encodeSafetensors } from '#src/formats/safetensors'
import { diffusionSchema } from '#src/model/diffusion-config'
import { type NetworkConfig, networkSchema } from '#src/model/network'
import { parameterSpecs } from '#src/model/parameters'
import { stepSinusoids } from '#src/model/step-embedding'
import { relativeError } from '../support/numbers.js'
import { inRepository } from '../support/paths.js'
import { scratch } from '../support/process.js'
import { pytorch } from './torch.js'

const { evaluate, skip, start } = await pytorch(['torch', 'scipy.signal', 'soundfile'])
const folder = scratch()
const CLIPS = 2
const SAMPLES = 512

const networks: readonly (readonly [string, NetworkConfig])[] = [
  [
    'patches and a mel at the rate of frames',
    networkSchema.parse({
      channels: 12,
      layers: 3,
      dilationCycle: 2,
      patch: 8,
      stepEmbedding: { frequencies: 'inverse', fractional: 'direct', size: 16, hidden: 24 },
      mel: { kind: 'frame-rate', bands: 10, hop: 64, encoder: [12] },
    }),
  ],
  [
    'the published shape',
    networkSchema.parse({
      channels: 8,
      layers: 3,
      dilationCycle: 3,
      mel: { kind: 'transposed', bands: 10, strides: [8, 8] },
    }),
  ],
]

function parametersOf(network: NetworkConfig): Tensors {
  return new Map(
    parameterSpecs(network).map(({ name, shape }, i) => {
      const count = shape.reduce((product, size) => product * size, 1)
      const fan = Math.max(1, count / shape[0]!)
      return [name, { shape, data: gaussian(3, i, 0, count).map(x => x / Math.sqrt(fan)) }]
    }),
  )
}

describe('the PyTorch network agrees with ours', { skip }, () => {
  for (const [title, network] of networks) {
    test(`in loss within 1e-4 and gradients within 1e-3: ${title}`, async () => {
      const parameters = parametersOf(network)
      const frames = SAMPLES / 64
      const steps = [3, 17]
      const rows = (draw: number, width: number) =>
        Array.from({ length: CLIPS }, (_, i) => gaussian(4, draw + i, 0, width))
      const [audio, target, mels] = [rows(0, SAMPLES), rows(10, SAMPLES), rows(20, 10 * frames)]
      const joined = (clips: readonly Float32Array[]) => Float32Array.from(clips.flatMap(clip => [...clip]))
      const weights = folder.put('weights', encodeSafetensors(parameters))
      const batch = folder.put(
        'batch',
        encodeSafetensors(
          new Map([
            ['audio', { shape: [CLIPS, SAMPLES], data: joined(audio) }],
            ['target', { shape: [CLIPS, SAMPLES], data: joined(target) }],
            ['mel', { shape: [CLIPS, 10, frames], data: joined(mels) }],
            [
              'sinusoids',
              { shape: [CLIPS, network.stepEmbedding.size], data: stepSinusoids(network.stepEmbedding, steps) },
            ],
          ]),
        ),
      )
      const config = folder.put('network.json', JSON.stringify(network))
      const options = ['--batch', batch, '--repeat', '1', '--threads', '1', '--loss', 'l2']
      const { status, stdout, stderr } = await start('measure', [
        config,
        weights,
        ...options,
        '--output',
        folder.at('out'),
      ]).ended
      assert.equal(status, 0, stderr)

      const engine = await createEngine(network, parameters, { threads: 1 })
      try {
        const mel = mels.map(data => ({ data, bands: 10, frames }))
        const { loss, gradients } = await engine.lossGradients({ audio, target, steps, mel, loss: 'l2' })
        assert.ok(Math.abs(JSON.parse(stdout).loss / loss - 1) < 1e-4)
        const { tensors } = decodeSafetensors(readFileSync(folder.at('out')), 'PyTorch')
        assert.deepEqual([...tensors.keys()].sort(), [...gradients.keys()].sort())
        for (const [name, { data }] of tensors) {
          assert.ok(
            relativeError(data, gradients.get(name)!) < 1e-3,
            `${name}: ${relativeError(data, gradients.get(name)!)}`,
          )
        }
      } finally {
        await engine.dispose()
      }
    })
  }
})

describe('the windowed front end in PyTorch', { skip }, () => {
  test('inverts itself, and keeps the deviation of white noise', async () => {
    const program = `
import torch
from diffwave_torch.front_end import Windows, Patches
x = torch.randn(2, 4096, generator=torch.Generator().manual_seed(1))
for learned in (False, True):
    windows = Windows(512, 128, 257, learned)
    assert (windows.decode(windows.encode(x)) - x).abs().max() < 1e-5
    assert abs(windows.encode(x)[:, 1:256].std() - 1) < 0.02
fixed, learned = Windows(512, 128, 187), Windows(512, 128, 187, learned=True)
assert (fixed.encode(x) - learned.encode(x)).abs().max() < 1e-5
assert (fixed.decode(fixed.encode(x)) - learned.decode(learned.encode(x))).abs().max() < 1e-5
patches = Patches(8)
assert torch.equal(patches.decode(patches.encode(x)), x)
`
    const { status, stderr } = await evaluate(program)
    assert.equal(status, 0, stderr)
  })
})

describe('a shipped model with windows', { skip }, () => {
  for (const [name, bands] of [
    ['speech', 80],
    ['speech-24khz', 100],
  ] as const) {
    test(`${name}: agrees with PyTorch in one step from the prior’s noise`, async () => {
      const program = `
import sys, torch
from diffwave_torch.diffusion import predict_clean
from diffwave_torch.model_folder import read_model
from diffwave_torch.prior import Prior
from diffwave_torch.safetensors import write_safetensors
network, model = read_model("../../models/${name}")
prior, generator = Prior(model), torch.Generator().manual_seed(1)
mel = -4 + torch.randn(1, ${bands}, 12, generator=generator)
white = torch.randn(1, 12 * 256, generator=generator)
with torch.no_grad():
    deviations = prior.deviations(mel, white.shape[1])
    noise = prior.noise(white, deviations)
    clean = predict_clean(network, noise, torch.tensor([150.0]), mel, deviations)
write_safetensors(sys.argv[1], {"mel": mel[0], "white": white[0], "noise": noise[0], "clean": clean[0]})
`
      const path = folder.at(`${name}.safetensors`)
      const { status, stderr } = await evaluate(program, [path])
      assert.equal(status, 0, stderr)
      const { tensors } = decodeSafetensors(readFileSync(path), path)
      const of = (name: string) => tensors.get(name)!.data
      const mel = { data: of('mel'), bands, frames: 12 }
      const model = await loadModel(inRepository(`models/${name}`))
      try {
        const shape = modelDomain(model).noise(readWhole(mel))
        const noise = shape((start, count) => of('white').subarray(start, start + count), 0, of('white').length)
        assert.ok(relativeError(noise, of('noise')) < 1e-5)
        const [clean] = await model.predict({ audio: [noise], steps: [150], mel: [mel] })
        assert.ok(relativeError(clean!, of('clean')) < 1e-4)
      } finally {
        await model.dispose()
      }
    })
  }
})

describe('the vocos mel in PyTorch', { skip }, () => {
  // The recorded mel was computed in float32, and is up to 3.2e-4 from double precision. So the bounds for it are those
  // of test/audio/mel/mel.test.ts, and our own mel is the exact one.
  test('agrees with ours, and with the recorded one of torchaudio', async () => {
    const recording = inRepository('test/golden/mel/LJ001-0001.wav')
    const samples = (await readWav(recording)).samples.slice(0, 48_000)
    const { bands, frames, data } = melSpectrogram({ samples, sampleRate: 24_000 }, namedConventions.vocos)
    const ours = folder.put('vocos.npy', encodeNpy({ shape: [bands, frames], data }))
    const program = `
import sys, numpy, soundfile, torch
from diffwave_torch.mel_convention import VOCOS
from diffwave_torch.mel import MelTransform
audio = torch.from_numpy(soundfile.read(sys.argv[1], dtype="float64")[0][:48000])
padded = torch.nn.functional.pad(audio[None, None], (512, 512), mode="reflect")[0]
ours, recorded = (abs(MelTransform(VOCOS).double()(padded)[0].numpy() - numpy.load(path)) for path in sys.argv[2:])
assert ours.max() < 1e-4, ours.max()
assert recorded.max() < 5e-4 and recorded.mean() < 5e-6, (recorded.max(), recorded.mean())
`
    const recorded = inRepository('test/golden/mel/LJ001-0001.vocos.npy')
    const { status, stderr } = await evaluate(program, [recording, ours, recorded])
    assert.equal(status, 0, stderr)
  })
})

describe('sampling in PyTorch', { skip }, () => {
  test('visits the levels of the model’s own schedule, with its noise scale', async () => {
    const betas = [0.2, 0.5, 0.9]
    const sampling = { 2: { betas: betas.slice(0, 2), sampler: 'ddim', noiseScale: 0.7 }, 3: betas }
    const program = `
import json, sys
from diffwave_torch.diffusion import Schedule, sampling_levels
diffusion = {"training": {"kind": "cosine", "steps": 200}, "noiseScale": 0.2, "sampling": json.loads(sys.argv[1])}
schedule = Schedule(diffusion["training"])
print(json.dumps([sampling_levels(diffusion, schedule, count) for count in (2, 3, 4)]))
`
    const { status, stdout, stderr } = await evaluate(program, [JSON.stringify(sampling)])
    assert.equal(status, 0, stderr)
    const found = JSON.parse(stdout) as [number[], number][]
    const diffusion = diffusionSchema.parse({
      training: { kind: 'cosine', steps: 200 },
      prior: { kind: 'front-end' },
      sampling,
    })
    found.forEach(([levels, scale], i) => {
      const expected = scheduleFor(diffusion, i + 2).steps
      assert.ok(relativeError(Float32Array.from(levels).reverse(), Float32Array.from(expected)) < 1e-5, `${levels}`)
      assert.equal(scale, [0.7, 0.2, 0.2][i])
    })
  })
})

describe('sampling in PyTorch refuses in one line', { skip }, () => {
  const model = inRepository('models/speech')
  const mel = (name: string, frames: number) =>
    folder.put(name, encodeNpy({ shape: [80, frames], data: new Float32Array(80 * frames).fill(Number.NaN) }))
  const [empty, broken] = [mel('empty.npy', 0), mel('broken.npy', 2)]
  for (const [title, args, message] of [
    ['a mel file that is missing', [model, 'missing.npy'], 'missing.npy: no such file or directory'],
    ['a mel file of another format', [model, 'README.md'], 'README.md: this is not a .npy file of numbers'],
    ['a mel without frames', [model, empty], `${empty}: expected [80, frames], got [80, 0]`],
    ['a mel that is not finite', [model, broken], `${broken}: the mel holds a number that is not finite`],
    ['a device that PyTorch does not know', [model, 'a.npy', '--device', 'gpu'], '--device gpu: expected cpu, cuda or'],
    [
      'a model without windows',
      [inRepository('models/lmnt-speech'), 'a.npy'],
      'diffusion.prior: null is not supported',
    ],
  ] as const) {
    test(title, async () => {
      const { status, stderr } = await start('sample', [...args, '-o', folder.at('none.wav')]).ended
      assert.equal(status, 1)
      assert.ok(stderr.startsWith(`error: ${message}`) && stderr.trim().split('\n').length === 1, stderr)
    })
  }
})

describe('initial weights for another sample rate', { skip }, () => {
  const transfer = (source: string, config: string) => `
import sys
from diffwave_torch.transfer import main
out, *data = sys.argv[1:]
sys.argv[1:] = ["../../models/${source}", ${config}, out, "--data", *(data or ["../../test/golden/mel"])]
main()
`
  test('keep layers and bins, and copy new bins from those at an equal phase below', async () => {
    const path = folder.at('start')
    const config = '"../../models/speech-24khz/train.json"'
    const { status, stderr } = await evaluate(transfer('speech', config), [path])
    assert.equal(status, 0, stderr)
    const of = (file: string) => decodeSafetensors(readFileSync(file), file).tensors
    const [old, made] = [of(inRepository('models/speech/weights.safetensors')), of(join(path, 'weights.safetensors'))]
    const layer = 'residual_layers.3.dilated_conv.weight'
    assert.deepEqual(made.get(layer), old.get(layer))
    const rows = (tensors: typeof old, bins: number) => (part: number, bin: number) => {
      const row = part * bins + bin
      return tensors.get('output_projection.weight')!.data.subarray(256 * row, 256 * (row + 1))
    }
    const [before, after] = [rows(old, 187), rows(made, 257)]
    for (const part of [0, 1, 2]) {
      assert.deepEqual(after(part, 186), before(part, 186))
      assert.deepEqual(after(part, 187), before(part, 187 - 72))
      assert.deepEqual(after(part, 256), before(part, 256 - 72))
    }
  })

  test('are refused if the networks differ in more', async () => {
    const { status, stderr } = await evaluate(transfer('lmnt-speech', '"../../models/speech-24khz/train.json"'), [
      folder.at('none'),
    ])
    assert.equal(status, 1)
    assert.match(stderr, /^error: both models need a mel and a front end of windows/)
  })

  test('are refused in one line without a recording that can be read', async () => {
    const bad = folder.put('bad/a.wav', 'no audio')
    folder.put(
      'bad/b.wav',
      encodeWav({ samples: new Float32Array(4000), sampleRate: 24_000 }, { format: '32f' }).fill(255, 60),
    )
    folder.put('bad/c.wav', encodeWav({ samples: new Float32Array(100), sampleRate: 24_000 }))
    const config = '"../../models/speech-24khz/train.json"'
    const ended = await evaluate(transfer('speech', config), [folder.at('none'), folder.at('bad')])
    assert.equal(ended.status, 1)
    assert.equal(ended.stdout, `left out, as unreadable: ${bad} and 1 more\n`)
    assert.equal(ended.stderr, `error: no recording of more than 512 samples below ${folder.at('bad')}\n`)

    const broken = await evaluate(transfer('../test/golden', config), [folder.at('none')])
    assert.equal(broken.stderr, 'error: ../../models/../test/golden/config.json: no such file or directory\n')
  })
})

describe('the correction towards the mel in PyTorch', { skip }, () => {
  const small = `
import math, numpy, torch
from diffwave_torch.mel_convention import TACOTRON2
from diffwave_torch.mel import MelTransform, SILENT
torch.manual_seed(1)
L, H, M, F = 64, 16, 6, 9
mel_of = MelTransform({**TACOTRON2, "sampleRate": 1600, "fftSize": L, "windowLength": L, "hop": H, "bands": M,
    "maxFrequency": 600}).double()
x = torch.randn(2, F * H, dtype=torch.float64)
mel = 0.5 * torch.randn(2, M, F, dtype=torch.float64)
`

  test('has the value that README.md defines, also at both ends', async () => {
    const program = `${small}
W, s = mel_of.filters.numpy(), mel_of.column_sums.numpy()
h = 0.5 - 0.5 * numpy.cos(2 * math.pi * numpy.arange(L) / L)
y = numpy.exp(mel.numpy())
for clip in range(2):
    audio = x[clip].numpy()
    for _ in range(2):
        padded = numpy.concatenate([numpy.zeros(L // 2), audio, numpy.zeros(L)])
        total, covered = numpy.zeros(len(padded)), numpy.zeros(len(padded))
        for f in range(F):
            Z = numpy.fft.rfft(h * padded[f * H : f * H + L])
            G = numpy.ones(L // 2 + 1)
            for _ in range(3):
                G = G * numpy.minimum(10, (W.T @ (y[clip, :, f] / (W @ (G * abs(Z)) + SILENT))) / s)
            G = G * numpy.clip(1 + 0.7 * (G - 1), 0.5, 2)
            total[f * H : f * H + L] += h * numpy.fft.irfft(G * Z)
            covered[f * H : f * H + L] += h * h
        inside = slice(L // 2, L // 2 + F * H)
        audio = total[inside] / covered[inside]
    assert abs(mel_of.corrected(x, mel, passes=2, iterations=3, relaxation=1.7)[clip].numpy() - audio).max() < 1e-5
`
    const { status, stderr } = await evaluate(program)
    assert.equal(status, 0, stderr)
  })

  test('has a gradient that matches finite differences', async () => {
    const program = `${small}
corrected = lambda audio: mel_of.corrected(audio, mel, passes=2, iterations=3, relaxation=1.7)
assert torch.autograd.gradcheck(corrected, x.requires_grad_(True), eps=1e-6, atol=1e-5, rtol=1e-4, fast_mode=True)
`
    const { status, stderr } = await evaluate(program)
    assert.equal(status, 0, stderr)
  })

  test('brings the mel of its output nearer to the requested one', async () => {
    const program = `${small}
distance = lambda audio: (mel_of(torch.nn.functional.pad(audio, (L // 2, L // 2 - H))) - mel).abs().mean().item()
before, once, twice = (distance(audio) for audio in (x, mel_of.corrected(x, mel), mel_of.corrected(x, mel, passes=2)))
assert before > 2 * once and once > 1.1 * twice, (before, once, twice)
`
    const { status, stderr } = await evaluate(program)
    assert.equal(status, 0, stderr)
  })
})

describe('phase refinement in PyTorch', { skip }, () => {
  const short = { sampleRate: 1600, fftSize: 64, windowLength: 64, hop: 16, bands: 6, maxFrequency: 600 }
  const convention = { ...namedConventions.tacotron2, ...short }

  test('agrees with ours to within rounding', async () => {
    const mel = { data: gaussian(1, 0, 0, 6 * 9).map(z => 0.5 * z), bands: 6, frames: 9 }
    const start = gaussian(1, 1, 0, 9 * 16)
    const refinement = new PhaseRefinement(convention, { iterations: 3, momentum: 0.9, relaxation: 1.7 })
    refinement.pushMel(mel)
    const ours = concatenateAudio([...refinement.push(start, true)])
    const program = `
import json, sys, torch
from diffwave_torch.mel import MelTransform
convention, mel, start = (json.loads(text) for text in sys.argv[1:])
mel, start = torch.tensor(mel, dtype=torch.float64).view(1, 6, 9), torch.tensor(start, dtype=torch.float64)[None]
refined = lambda audio: MelTransform(convention).double().refined(audio, mel, 3, momentum=0.9, relaxation=1.7)
print(json.dumps(refined(start)[0].tolist()))
assert torch.autograd.gradcheck(refined, start.requires_grad_(True), eps=1e-7, atol=1e-4, rtol=1e-3, fast_mode=True)
`
    const texts = [convention, [...mel.data], [...start]].map(value => JSON.stringify(value))
    const { status, stdout, stderr } = await evaluate(program, texts)
    assert.equal(status, 0, stderr)
    const theirs = JSON.parse(stdout) as readonly number[]
    assert.equal(theirs.length, ours.length)
    for (const [i, value] of theirs.entries()) assert.ok(Math.abs(value - ours[i]!) < 1e-5, `${i}: ${value} ${ours[i]}`)
  })
})
