/** Callbacks: every call waits for an async one, and ends with the very error that one throws or rejects with. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeWav } from '#src/audio/codecs/wav-encode'
import { griffinLim } from '#src/audio/mel/griffin-lim'
import { melSpectrogram } from '#src/audio/mel/mel'
import type { Callback } from '#src/core/callback'
import { blobSource } from '#src/core/chosen-files'
import { urlSource } from '#src/core/url-source'
import { evaluateGenerator } from '#src/evaluation/generator/evaluate-generator'
import { evaluateVocoder } from '#src/evaluation/vocoder/vocoder-evaluation'
import { Generator } from '#src/generator'
import { readModelFrom } from '#src/model/read-folder'
import { readModel } from '#src/model/read-model'
import { remoteModel } from '#src/model/remote/remote-model'
import { loadDataset } from '#src/training/data/load-dataset'
import { normalisePolarity } from '#src/training/data/polarity'
import { tune } from '#src/tuning/tune'
import { Vocoder } from '#src/vocoder'
import { smallGeneratorConfig, smallVocoderConfig } from '../support/configs.js'
import { fakeModel } from '../support/fake-model.js'
import { golden } from '../support/paths.js'
import { scratchFolder } from '../support/scratch.js'
import { configBytes, servedModel, weightBytes } from '../support/served-model.js'
import { MELODY_RATE, melody } from '../support/sounds.js'

const scratch = scratchFolder('callbacks')
const recordings = join(scratch, 'recordings')
mkdirSync(recordings)
for (const seed of [1, 2]) {
  writeFileSync(join(recordings, `${seed}.wav`), encodeWav({ samples: melody(seed), sampleRate: MELODY_RATE }))
}
const server = await servedModel()
after(() => server.close())

const diffusion = { training: { kind: 'cosine', steps: 100 }, defaultSteps: 3, clamp: false } as const
const vocoder = new Vocoder(fakeModel(smallVocoderConfig({ diffusion })))
const generator = new Generator(fakeModel(smallGeneratorConfig({ diffusion })))
const convention = vocoder.config.mel!
const audio = { samples: melody(3), sampleRate: MELODY_RATE }
const sound = { samples: melody(4).subarray(0, 4096), sampleRate: vocoder.sampleRate }
const mel = melSpectrogram(sound, convention)
const gaps = [{ start: 0.02, end: 0.03 }]
let downloads = 0

/** Calls that report, with the function to report to. */
const calls: Readonly<Record<string, (report: Callback<unknown>) => Promise<unknown>>> = {
  'onProgress of synthesize': onProgress => vocoder.synthesize(mel, { onProgress }),
  'onStep of synthesize': onStep => vocoder.synthesize(mel, { onStep }),
  'onProgress of a stream': async onProgress => {
    for await (const _ of vocoder.stream(mel, { onProgress }));
  },
  'onProgress of synthesizeBatch': onProgress => vocoder.synthesizeBatch([mel, mel], { onProgress }),
  'onStep of synthesizeBatch': onStep => vocoder.synthesizeBatch([mel, mel], { onStep }),
  'onProgress of generate': onProgress => generator.generate({ count: 2, onProgress }),
  'onStep of generate': onStep => generator.generate({ count: 2, onStep }),
  'onStep of denoise': onStep => generator.denoise(audio, { noise: 0.1, onStep }),
  'onProgress of inpaint': onProgress => generator.inpaint(audio, { gaps, onProgress }),
  'onStep of inpaint': onStep => generator.inpaint(audio, { gaps, onStep }),
  'onProgress of griffinLim': onProgress => griffinLim(mel, convention, { iterations: 2, onProgress }),
  'onProgress of tune': onProgress => tune(vocoder.model, [sound], { steps: 2, evaluations: 4, onProgress }),
  'onProgress of evaluateVocoder': onProgress =>
    evaluateVocoder({
      reference: recordings,
      convention,
      systems: [{ name: 'same', timed: false, make: async () => audio }],
      limit: 1,
      clock: () => 0,
      onProgress,
    }),
  'onProgress of evaluateGenerator': onProgress => {
    const generated = [5, 6].map(seed => ({ name: `${seed}`, samples: melody(seed), label: '' }))
    return evaluateGenerator({
      generated,
      reference: recordings,
      sampleRate: MELODY_RATE,
      seconds: 1,
      seed: 1,
      onProgress,
    })
  },
  'onProgress of loadDataset': onProgress =>
    loadDataset({ folders: [recordings], sampleRate: MELODY_RATE, validationShare: 0, onProgress }),
  'onProgress of the alignment with pulses': async onProgress => {
    const { config } = await readModel(golden('pytorch-windows'))
    const harmonics = { corner: 3000, noise: 0.3, phase: 'zero', pitch: 'mean' } as const
    const model = { ...config, diffusion: { ...config.diffusion, prior: { kind: 'front-end', harmonics } as const } }
    const data = await loadDataset({ folders: [recordings], sampleRate: model.sampleRate, validationShare: 0 })
    return normalisePolarity(data, model, { onProgress })
  },
  'onProgress of a download': onProgress =>
    remoteModel(`${server.url}/m`, { folder: join(scratch, `cache-${downloads++}`), onProgress }),
  'onProgress of a source of URLs': onProgress => readModelFrom(urlSource(new URL(`${server.url}/m`)), { onProgress }),
  'onProgress of chosen files': onProgress => {
    const files = [new File([configBytes], 'config.json'), new File([weightBytes], 'weights.safetensors')]
    return readModelFrom(blobSource(files), { onProgress })
  },
}

for (const [name, call] of Object.entries(calls)) {
  describe(name, () => {
    test('waits for an async function', async () => {
      let [running, ended] = [false, 0]
      await call(async () => {
        assert.equal(running, false)
        running = true
        await sleep(1)
        running = false
        ended++
      })
      assert.equal(running, false)
      assert.ok(ended > 0)
    })

    test('rejects with the error of the function', async () => {
      const error = new RangeError('thrown')
      const thrown = () => {
        throw error
      }
      await assert.rejects(call(thrown), one => one === error)
      await assert.rejects(
        call(async () => thrown()),
        one => one === error,
      )
    })
  })
}
