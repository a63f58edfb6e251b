// Fuzz targets that read recordings.
import assert from 'node:assert/strict'
import { crc16, crc32 } from '../../dist/audio/codecs/crc.js'
import { decodeAudio } from '../../dist/audio/codecs/decode.js'
import { maxSamplesOf } from '../../dist/audio/codecs/mono.js'
import { encodeWav } from '../../dist/audio/codecs/wav-encode.js'
import { golden } from './files.mjs'
import { mutateBytes, mutateFlac, mutateOgg } from './mutations.mjs'

/** Checks accepted audio: an allowed sample rate, finite samples, and no more of them than the file can contain. */
function checkRecording({ samples, sampleRate, channels, notes }, bytes) {
  assert.ok(Number.isInteger(sampleRate) && sampleRate >= 1000 && sampleRate <= 768_000, `rate ${sampleRate}`)
  assert.ok(samples.length > 0 && samples.length <= maxSamplesOf(bytes.length), `${samples.length} samples`)
  assert.ok(channels >= 1 && channels <= 65_535, `${channels} channels`)
  assert.ok(notes.every(note => typeof note === 'string'))
  for (let i = 0; i < samples.length; i++) if (!Number.isFinite(samples[i])) assert.fail(`sample ${i} is not finite`)
}

const decode = bytes => decodeAudio(bytes, 'fuzz')
const target = (name, mutate, seeds) => ({
  name,
  mutate,
  seeds,
  decode,
  parse: async bytes => checkRecording(await decode(bytes), bytes),
})
const samples = Float32Array.from({ length: 400 }, (_, i) => Math.sin(i / 5))
const wav = (format, sampleRate) => encodeWav({ samples, sampleRate }, { format })
/** The first bytes of a file, which are cheaper to decode than the whole. */
const head = (path, bytes) => golden(path).slice(0, bytes)

export const audioTargets = [
  target('wav', mutateBytes, [wav('16', 8000), wav('24', 22_050), wav('32f', 48_000)]),
  target('flac', mutateFlac(crc16), [golden('audio/tones.flac'), golden('audio/24.flac')]),
  target('mp3', mutateBytes, [
    head('audio/tones.mp3', 700),
    head('audio/tones.mp3', 700),
    head('audio/tones.mp3', 900),
    golden('audio/tones.mp3'),
  ]),
  target('vorbis', mutateOgg(crc32), [golden('audio/tones.ogg'), golden('audio/six.ogg'), golden('audio/flac.oga')]),
  target('opus', mutateOgg(crc32), [golden('audio/tones.opus'), golden('audio/six.opus')]),
]
