import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeAudio } from '#src/audio/analysis'
import { writeWav } from '#src/audio/codecs/wav-file'
import { writeWav as downloadWav } from '#src/audio/codecs/wav-file.browser'
import { namedConventions } from '#src/audio/mel/convention'
import { melSpectrogram } from '#src/audio/mel/mel'
import { padReflect } from '#src/audio/transforms/stft'
import { estimateNoise } from '#src/repair/noise-level'
import { recordingAt } from '#src/repair/start-level'
import { inCase } from '../support/in-case.js'
import { scratchFolder } from '../support/scratch.js'

const samples = new Float32Array(0)
const sampleRate = 22_050
const audio = { samples, sampleRate }

test('audio without samples is refused in the same words everywhere', async () => {
  for (const [name, where, act] of [
    ['writeWav', 'writeWav audio', () => writeWav(`${scratchFolder('no-samples')}/a.wav`, audio)],
    ['writeWav in a browser', 'writeWav audio', () => downloadWav('a.wav', audio)],
    ['melSpectrogram', 'melSpectrogram audio', async () => melSpectrogram(audio, namedConventions.lmnt)],
    ['a mirror image', 'samples to pad', async () => padReflect(samples, 2)],
    ['describeAudio', 'the recording', async () => describeAudio(audio)],
    ['estimateNoise', 'the recording', async () => estimateNoise(samples, sampleRate)],
    ['denoise and interpolate', 'a', () => recordingAt(audio, sampleRate, 'a', undefined)],
    [
      'a lower rate at which none are left',
      'a',
      () => recordingAt({ samples: Float32Array.of(0.5), sampleRate: 192_000 }, sampleRate, 'a', undefined),
    ],
  ] as const) {
    await inCase(name, async () => {
      await assert.rejects(act(), {
        code: 'BAD_AUDIO',
        message: `there are no samples (${where})`,
        hint: 'Check whether the audio was cut to nothing before.',
      })
    })
  }
})
