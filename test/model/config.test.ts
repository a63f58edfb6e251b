/** Validation of a model's config.json. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { namedConventions } from '#src/audio/mel/convention'
import { type ModelConfigInput, modelConfigSchema } from '#src/model/config'
import { smallGeneratorConfig, smallVocoderConfig } from '../support/configs.js'

/** The first complaint about a config, as `field: message`. */
function complaint(config: unknown): string | undefined {
  const issue = modelConfigSchema.safeParse(config).error?.issues[0]
  return issue && `${issue.path.join('.')}: ${issue.message}`
}

const vocoder = smallVocoderConfig()
const generator = smallGeneratorConfig()
const subbands = { kind: 'mdct' as const, gains: [1, 1, 1, 1] }
const envelope = { kind: 'mel-envelope' as const, follows: 'bands' as const, floor: 1e-5 }
const diffusion = (fields: Partial<ModelConfigInput['diffusion']>, config: ModelConfigInput = generator) => ({
  diffusion: { ...config.diffusion, ...fields },
})

test('a complete config is accepted as it is', () => {
  assert.deepEqual(modelConfigSchema.parse(vocoder), vocoder)
  assert.deepEqual(modelConfigSchema.parse(generator), generator)
})

test('a cosine schedule has the offset and the bound of β of Nichol & Dhariwal by default', () => {
  const { training } = modelConfigSchema.parse(generator).diffusion
  assert.deepEqual(training, { kind: 'cosine', steps: 100, offset: 0.008, maxBeta: 0.999 })
})

test('a β that is lost in 1 − β is refused', () => {
  const training = { kind: 'linear', steps: 10, betaStart: 1e-17, betaEnd: 0.5 } as const
  assert.match(complaint({ ...generator, ...diffusion({ training }) })!, /^diffusion\.training\.betaStart: .*1e-12/i)
})

test('contradictory fields are refused by name', () => {
  const cases: readonly (readonly [start: string, config: object])[] = [
    ['network.mel: ', { ...generator, kind: 'vocoder' }],
    ['mel: ', { ...vocoder, mel: null }],
    ['mel.sampleRate: ', { ...vocoder, sampleRate: 16_000 }],
    [
      'network.mel.bands: ',
      { ...vocoder, network: { ...vocoder.network, mel: { ...vocoder.network.mel, bands: 64 } } },
    ],
    ['network.mel: ', { ...vocoder, network: { ...vocoder.network, mel: { ...vocoder.network.mel, strides: [16] } } }],
    ['aliases: ', { ...generator, aliases: { '7': 'seven' } }],
    ['network.inputMask.steps: ', { ...generator, network: { ...generator.network, inputMask: { steps: 3 } } }],
    ['labelShares: must be as many', { ...generator, labelShares: [1] }],
    ['labelShares: must not all', { ...generator, labelShares: [0, 0] }],
    ['network.patch: must divide', { ...vocoder, network: { ...vocoder.network, patch: 3 } }],
    [
      'network.mel: hop',
      { ...vocoder, network: { ...vocoder.network, mel: { ...vocoder.network.mel, strides: [512, 9] } } },
    ],
    ['network.labels: must differ', { ...generator, network: { ...generator.network, labels: ['kick', 'kick'] } }],
    ['diffusion.clamp: ', { ...generator, ...diffusion({ signalScale: 4, clamp: true }) }],
    [
      'diffusion.subbands.gains: ',
      { ...generator, ...diffusion({ clamp: false, subbands: { ...subbands, gains: [1, 1, 1, 1, 1] } }) },
    ],
    ['diffusion.subbands: ', { ...generator, ...diffusion({ clamp: true, subbands }) }],
    [
      'network.patch: ',
      {
        ...generator,
        network: { ...generator.network, patch: 6 },
        ...diffusion({ clamp: false, subbands: { ...subbands, gains: Array(6).fill(1) } }),
      },
    ],
    [
      'diffusion.prior.minEnergy: must lie below',
      { ...vocoder, ...diffusion({ prior: { kind: 'mel-energy', minEnergy: 2, maxEnergy: 2 } }, vocoder) },
    ],
    ['diffusion.prior: a prior needs', { ...generator, ...diffusion({ prior: envelope }) }],
    ['diffusion.refinement: refinement needs a mel', { ...generator, ...diffusion({ refinement: { iterations: 2 } }) }],
    ['diffusion.highBand: a high band needs a mel', { ...generator, ...diffusion({ highBand: { from: 100 } }) }],
    ['diffusion.highBand: needs a mel that ends', { ...vocoder, ...diffusion({ highBand: { from: 100 } }, vocoder) }],
    [
      'diffusion.prior: a mel-envelope prior needs windows',
      {
        ...vocoder,
        ...diffusion({ prior: envelope }, vocoder),
        mel: { ...vocoder.mel!, windowLength: 400 },
      },
    ],
    [
      'diffusion.refinement: needs windows',
      {
        ...vocoder,
        ...diffusion({ refinement: { iterations: 2 } }, vocoder),
        mel: { ...vocoder.mel!, windowLength: 600 },
      },
    ],
  ]
  for (const [start, config] of cases) {
    assert.ok(complaint(config)?.startsWith(start), `${start}, but the complaint is ${complaint(config)}`)
  }
})

describe('a windowed front end in a config', () => {
  const network = {
    channels: 4,
    layers: 2,
    dilationCycle: 2,
    mel: { kind: 'frame-rate' as const, bands: 80, hop: 256 },
  }
  const windows = { kind: 'windows' as const, kernel: 512, stride: 128 }
  const base = { ...vocoder, mel: 'tacotron2', ...diffusion({ clamp: false }, vocoder) }
  const behind = (frontEnd: object, fields: object = {}) => ({
    ...base,
    network: { ...network, frontEnd: { ...windows, ...frontEnd }, ...fields },
  })

  test('has all bins and fixed windows unless the config says otherwise', () => {
    const { frontEnd } = modelConfigSchema.parse(behind({ envelope: {} })).network
    const envelope = { iterations: 10, floor: 3e-5 }
    assert.deepEqual(frontEnd, { ...windows, bins: 257, learned: false, envelope, correction: null })
  })

  const prior = { kind: 'front-end' as const }
  const cases: readonly (readonly [start: string, config: object])[] = [
    ['network.frontEnd.kernel: must be at least', behind({ kernel: 64 })],
    ['network.frontEnd.kernel: must be even, a multiple', behind({ kernel: 320 })],
    ['network.frontEnd.kernel: must be even, a multiple', behind({ kernel: 3, stride: 1 })],
    ['network.frontEnd.kernel: must be even, a multiple', behind({ kernel: 2, stride: 1 })],
    ['network.frontEnd.bins: must be at most', behind({ bins: 258 })],
    ['network.frontEnd.stride: must divide the hop', behind({ kernel: 192, stride: 96 })],
    ['network.patch: must be 1', behind({}, { patch: 2 })],
    ['network.frontEnd.envelope: needs windows that are not learned', behind({ learned: true, envelope: {} })],
    [
      'network.frontEnd.envelope: needs a mel conditioner of kind frame-rate',
      behind({ envelope: {} }, { mel: { kind: 'transposed', bands: 80, strides: [16, 16] } }),
    ],
    [
      'network.frontEnd.envelope: needs a mel conditioner of kind frame-rate',
      { ...generator, network: { ...generator.network, patch: 1, frontEnd: { ...windows, envelope: {} } } },
    ],
    ['network.frontEnd.envelope: needs centred mel frames', { ...behind({ envelope: {} }), mel: 'hifigan' }],
    [
      'network.frontEnd.envelope: needs signalScale 1',
      { ...behind({ envelope: {} }), ...diffusion({ clamp: false, signalScale: 2 }, vocoder) },
    ],
    [
      'network.frontEnd.envelope: needs signalScale 1 and no mel-envelope prior',
      { ...behind({ envelope: {} }), ...diffusion({ clamp: false, prior: envelope }, vocoder) },
    ],
    [
      'network.frontEnd.correction: needs a mel of magnitudes',
      {
        ...behind({ envelope: {}, correction: {} }),
        ...diffusion({ clamp: false, prediction: 'x0' }, vocoder),
        mel: { ...namedConventions.tacotron2, power: 2 },
      },
    ],
    [
      'diffusion.prior.harmonics: needs 24 bands below 1600 Hz',
      {
        ...behind({ envelope: {} }, { mel: { ...network.mel, bands: 20 } }),
        ...diffusion({ clamp: false, prior: { ...prior, harmonics: {} } }, vocoder),
        mel: { ...namedConventions.tacotron2, bands: 20 },
      },
    ],
    ['network.frontEnd.correction: needs network.frontEnd.envelope', behind({ correction: {} })],
    ['network.frontEnd.correction: needs a network that predicts x0', behind({ envelope: {}, correction: {} })],
    ['diffusion.prior: a front-end prior needs', { ...behind({}), ...diffusion({ clamp: false, prior }, vocoder) }],
    [
      'diffusion.subbands: must be null behind a front end',
      {
        ...generator,
        network: { ...generator.network, patch: 1, frontEnd: windows },
        ...diffusion({ clamp: false, subbands }),
      },
    ],
    ['network.frontEnd: Unrecognized key', behind({ window: 'hann' })],
  ]
  test('is refused where it contradicts another field', () => {
    for (const [start, config] of cases) {
      assert.ok(complaint(config)?.startsWith(start), `${start}, but the complaint is ${complaint(config)}`)
    }
  })
})
