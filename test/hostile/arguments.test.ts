/** Wrong arguments of library calls are refused with a DiffWaveError, never with a raw TypeError. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Audio } from '#src/audio/audio'
import { type Mel, namedConventions } from '#src/audio/mel/convention'
import { griffinLim } from '#src/audio/mel/griffin-lim'
import { melSpectrogram } from '#src/audio/mel/mel'
import { clippedShare, melNotes } from '#src/audio/mel/notes'
import { rescaleMel } from '#src/audio/mel/rescale'
import { DiffWaveError } from '#src/core/errors'
import { Denoiser } from '#src/denoiser/denoiser'
import { checkBatch, checkLossRequest } from '#src/engines/check-batch'
import { evaluateGenerator } from '#src/evaluation/generator/evaluate-generator'
import { folderSystem, griffinLimSystem } from '#src/evaluation/vocoder/system'
import { evaluateVocoder } from '#src/evaluation/vocoder/vocoder-evaluation'
import { Generator } from '#src/generator'
import { checkParameters } from '#src/model/parameters'
import { tune } from '#src/tuning/tune'
import { withTunedSchedules } from '#src/tuning/tuned-config'
import { Vocoder } from '#src/vocoder'
import { smallGeneratorConfig, smallVocoderConfig } from '../support/configs.js'
import { fakeModel } from '../support/fake-model.js'

const vocoder = new Vocoder(fakeModel(smallVocoderConfig()))
const generator = new Generator(fakeModel(smallGeneratorConfig({ labelShares: [1, 1] })))
const mel: Mel = { data: new Float32Array(160).fill(0.5), bands: 80, frames: 2 }
const audio: Audio = { samples: new Float32Array(2000).fill(0.1), sampleRate: 8000 }

const convention = namedConventions.lmnt
const { network } = vocoder.config
const batch = { audio: [new Float32Array(512)], steps: [1], mel: [mel] }

const junk: Readonly<Record<string, unknown>> = {
  null: null,
  'a number': 3.5,
  NaN: Number.NaN,
  'a string': 'mel.npy',
  'a boolean': true,
  'a bigint': 1n,
  'a symbol': Symbol('junk'),
  numbers: [1, 2],
  'a sparse array': new Array(2),
  'nested numbers': [[1, 2]],
  'a Float32Array': new Float32Array(800),
  'a vocoder': vocoder,
  'a mel file': { mel, transposed: false },
  'a mel of numbers': { data: [1, 2], bands: 1, frames: 2 },
  'a mel without data': { data: null, bands: 80, frames: 4 },
  'a mel of −1 frames': { data: new Float32Array(0), bands: 80, frames: -1 },
  'a mel of NaN bands': { data: new Float32Array(80), bands: Number.NaN, frames: 1 },
  'audio without a rate': { samples: new Float32Array(10) },
  'audio at NaN Hz': { samples: new Float32Array(10), sampleRate: Number.NaN },
  '16-bit audio': { samples: new Int16Array(10), sampleRate: 8000 },
}

const drained = async (stream: AsyncIterable<unknown>) => {
  for await (const _ of stream);
}
/** Calls, of the argument that junk replaces. */
type Call = (value: never) => unknown
const options = { steps: 1 }
const gaps = [{ start: 0.01, end: 0.02 }]
const calls: Readonly<Record<string, Call>> = {
  synthesize: (value: Mel) => vocoder.synthesize(value, options),
  'stream of a vocoder': (value: Mel) => drained(vocoder.stream(value, options)),
  synthesizeBatch: (value: Mel[]) => vocoder.synthesizeBatch(value, options),
  'synthesizeBatch of one': (value: Mel) => vocoder.synthesizeBatch([value], options),
  resynthesize: (value: Audio) => vocoder.resynthesize(value, options),
  analyse: (value: Audio) => vocoder.analyse(value),
  inpaint: (value: Audio) => generator.inpaint(value, { ...options, gaps }),
  denoise: (value: Audio) => generator.denoise(value, options),
  interpolate: (value: Audio) => generator.interpolate(value, audio, options),
  'interpolate to': (value: Audio) => generator.interpolate(audio, value, options),
  drawLabel: (value: number) => generator.drawLabel(value),
  // null is no label.
  labelIndex: (value: string | null) => generator.model.labelIndex(value ?? ''),
  'new Denoiser': (value: never) => new Denoiser(value, vocoder.model.engine),
  'new Denoiser, the engine': (value: never) => new Denoiser(vocoder.config, value),
  melSpectrogram: (value: Audio) => melSpectrogram(value, convention),
  'melSpectrogram of a convention': (value: never) => melSpectrogram(audio, value),
  griffinLim: (value: Mel) => griffinLim(value, convention),
  'griffinLim of a convention': (value: never) => griffinLim(mel, value),
  melNotes: (value: Mel) => melNotes(value, convention),
  'melNotes of a convention': (value: never) => melNotes(mel, value),
  clippedShare: (value: Float32Array) => clippedShare(value instanceof Float32Array ? ('' as never) : value),
  rescaleMel: (value: Mel) => rescaleMel(value, {}, convention),
  'rescaleMel of a convention': (value: never) => rescaleMel(mel, {}, value),
  folderSystem: (value: string) => folderSystem(value),
  griffinLimSystem: (value: never) => griffinLimSystem(value, 1),
  evaluateVocoder: (value: never) => evaluateVocoder(value),
  evaluateGenerator: (value: never) => evaluateGenerator(value),
  withTunedSchedules: (value: never) => withTunedSchedules(value, []),
  'withTunedSchedules of schedules': (value: never) => withTunedSchedules(vocoder.config, value),
  checkBatch: (value: never) => checkBatch(network, value),
  'checkBatch of audio': (value: never) => checkBatch(network, { ...batch, audio: value }),
  'checkBatch of one audio': (value: never) => checkBatch(network, { ...batch, audio: [value] }),
  'checkBatch of steps': (value: never) => checkBatch(network, { ...batch, steps: value }),
  'checkBatch of a mel': (value: never) => checkBatch(network, { ...batch, mel: [value] }),
  'checkLossRequest of targets': (value: never) => checkLossRequest(network, { ...batch, target: value, loss: 'l1' }),
  'checkLossRequest of a loss': (value: never) =>
    checkLossRequest(network, { ...batch, target: batch.audio, loss: value }),
  checkParameters: (value: never) => checkParameters(network, value, 'parameters'),
  'new Vocoder': (value: Denoiser) => new Vocoder(value),
  'new Generator': (value: Denoiser) => new Generator(value),
  'Vocoder.load': (value: string) => Vocoder.load(value),
  'tune a model': (value: Denoiser) => tune(value, [audio], { steps: 1 }),
  'tune on recordings': (value: Audio[]) => tune(vocoder.model, value, { steps: 1 }),
  'tune on a recording': (value: Audio) => tune(vocoder.model, [value], { steps: 1 }),
  'options of synthesize': (value: object) => vocoder.synthesize(mel, value),
  'options of stream': (value: object) => drained(vocoder.stream(mel, value)),
  'options of generate': (value: object) => generator.generate(value),
  'options of inpaint': (value: never) => generator.inpaint(audio, value),
  'options of denoise': (value: object) => generator.denoise(audio, value),
  'options of interpolate': (value: object) => generator.interpolate(audio, audio, value),
  'options of tune': (value: never) => tune(vocoder.model, [audio], value),
}

/** Values that none of these options takes, but for guidance 1.5. */
const wrongValues = [null, Number.NaN, -1, Number.POSITIVE_INFINITY, 1.5, 'junk', 1n, [], {}, true]
const fields = {
  synthesize: ['steps', 'sampler', 'eta', 'seed', 'signal', 'onProgress', 'onStep', 'refine', 'length'],
  generate: ['steps', 'sampler', 'eta', 'seed', 'count', 'guidance', 'labels', 'onStep'],
}

async function refusal(call: () => unknown): Promise<unknown> {
  try {
    await call()
    return null
  } catch (error) {
    return error
  }
}

describe('a wrong argument is refused with a DiffWaveError', () => {
  for (const [name, call] of Object.entries(calls)) {
    test(`by ${name}`, async () => {
      for (const [what, value] of Object.entries({
        ...junk,
        ...(name.startsWith('options') ? {} : { undefined: undefined }),
      })) {
        const error = await refusal(() => call(value as never))
        assert.ok(error instanceof DiffWaveError, `${name} of ${what}: ${String(error)}`)
      }
    })
  }
})

describe('a wrong option is refused by name', () => {
  for (const field of fields.synthesize) {
    test(`synthesize: ${field}`, async () => {
      for (const value of wrongValues) {
        const error = await refusal(() => vocoder.synthesize(mel, { [field]: value } as object))
        assert.ok(
          error instanceof DiffWaveError && error.message.includes(field),
          `${field} ${String(value)}: ${error}`,
        )
      }
    })
  }
  for (const field of fields.generate) {
    test(`generate: ${field}`, async () => {
      for (const value of wrongValues) {
        if (field === 'guidance' && value === 1.5) continue
        const error = await refusal(() => generator.generate({ seconds: 0.01, [field]: value } as object))
        assert.ok(
          error instanceof DiffWaveError && error.message.includes(field),
          `${field} ${String(value)}: ${error}`,
        )
      }
    })
  }
})

describe('the hint of a wrong argument', () => {
  const hintOf = async (call: () => unknown) => ((await refusal(call)) as DiffWaveError).hint ?? ''

  test('says how to convert what was passed to what is needed', async () => {
    assert.match(await hintOf(() => vocoder.synthesize({ mel } as never)), /pass its `mel`/)
    assert.match(await hintOf(() => vocoder.synthesize('a.npy' as never)), /readMel/)
    assert.match(await hintOf(() => vocoder.synthesize(new Float32Array(800) as never)), /{ data, bands, frames }/)
    assert.match(await hintOf(() => vocoder.synthesize(audio as never)), /resynthesize/)
    assert.match(await hintOf(() => vocoder.synthesize(Promise.resolve(mel) as never)), /Await/)
    assert.match(await hintOf(() => vocoder.resynthesize('a.wav' as never)), /readAudio/)
    assert.match(await hintOf(() => generator.denoise(audio.samples as never)), /sample rate/)
  })
})
