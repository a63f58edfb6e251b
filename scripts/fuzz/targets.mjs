// What is fuzzed: each parser with valid files to begin with, the changes that suit its format, and what an accepted
// file must be.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { zipSync } from 'fflate'
import { crc16, crc32 } from '../../dist/audio/codecs/crc.js'
import { decodeAudio } from '../../dist/audio/codecs/decode.js'
import { maxSamplesOf } from '../../dist/audio/codecs/mono.js'
import { encodeWav } from '../../dist/audio/codecs/wav-encode.js'
import { parseMetadata } from '../../dist/audio/metadata-csv.js'
import { check } from '../../dist/core/options.js'
import { decodeMel } from '../../dist/formats/mel-file.js'
import { decodeNpy, encodeNpy } from '../../dist/formats/npy.js'
import { decodeNpz, npzNames } from '../../dist/formats/npz.js'
import { decodeTorch, TorchTensor, torchTensor } from '../../dist/formats/pytorch.js'
import { decodeSafetensors, encodeSafetensors } from '../../dist/formats/safetensors.js'
import { modelConfigSchema } from '../../dist/model/config.js'
import { root } from '../compile.mjs'
import { mutateBytes, mutateFlac, mutateHeader, mutateOgg, mutateText } from './mutations.mjs'

const file = path => new Uint8Array(readFileSync(join(root, path)))
const golden = path => file(`test/golden/${path}`)
const samples = Float32Array.from({ length: 400 }, (_, i) => Math.sin(i / 5))
const matrix = { shape: [4, 30], data: Float32Array.from({ length: 120 }, (_, i) => -i / 10) }

/** Audio that is accepted has an allowed rate, finite samples, and no more of them than its file warrants. */
function checkRecording({ samples, sampleRate, channels, notes }, bytes) {
  assert.ok(Number.isInteger(sampleRate) && sampleRate >= 1000 && sampleRate <= 768_000, `rate ${sampleRate}`)
  assert.ok(samples.length > 0 && samples.length <= maxSamplesOf(bytes.length), `${samples.length} samples`)
  assert.ok(channels >= 1 && channels <= 65_535, `${channels} channels`)
  assert.ok(notes.every(note => typeof note === 'string'))
  for (let i = 0; i < samples.length; i++) if (!Number.isFinite(samples[i])) assert.fail(`sample ${i} is not finite`)
}

function checkTensor({ shape, data }) {
  assert.ok(shape.every(size => Number.isSafeInteger(size) && size >= 0))
  assert.equal(
    shape.reduce((product, size) => product * size, 1),
    data.length,
  )
}

const recording = async bytes => checkRecording(await decodeAudio(bytes, 'fuzz'), bytes)
const wav = (format, sampleRate) => encodeWav({ samples, sampleRate }, { format })
const torch = bytes => {
  const visit = (value, depth) => {
    if (value instanceof TorchTensor) checkTensor(torchTensor(value))
    else if (value instanceof Map && depth < 3)
      for (const entry of [...value.values()].slice(0, 50)) visit(entry, depth + 1)
  }
  visit(decodeTorch(bytes, 'fuzz'), 0)
}

/** @type {readonly { name: string, seeds: Uint8Array[], mutate: Function, parse: (bytes: Uint8Array) => unknown }[]} */
export const targets = [
  {
    name: 'wav',
    seeds: [wav('16', 8000), wav('24', 22_050), wav('32f', 48_000)],
    mutate: mutateBytes,
    parse: recording,
  },
  {
    name: 'flac',
    seeds: [golden('audio/tones.flac'), golden('audio/24.flac')],
    mutate: mutateFlac(crc16),
    parse: recording,
  },
  { name: 'mp3', seeds: [golden('audio/tones.mp3')], mutate: mutateBytes, parse: recording },
  {
    name: 'vorbis',
    seeds: [golden('audio/tones.ogg'), golden('audio/six.ogg'), golden('audio/flac.oga')],
    mutate: mutateOgg(crc32),
    parse: recording,
  },
  {
    name: 'opus',
    seeds: [golden('audio/tones.opus'), golden('audio/six.opus')],
    mutate: mutateOgg(crc32),
    parse: recording,
  },
  {
    name: 'npy',
    seeds: [encodeNpy(matrix)],
    mutate: mutateHeader(10, 2),
    parse: bytes => checkTensor(decodeNpy(bytes, 'fuzz')),
  },
  {
    name: 'npz',
    seeds: [
      zipSync({ 'mel.npy': encodeNpy(matrix), 'b.npy': encodeNpy(matrix) }),
      zipSync({ 'mel.npy': encodeNpy(matrix) }, { level: 0 }),
    ],
    mutate: mutateBytes,
    parse: bytes => {
      for (const name of npzNames(bytes, 'fuzz').slice(0, 4)) checkTensor(decodeNpz(bytes, name, 'fuzz'))
    },
  },
  {
    name: 'safetensors',
    seeds: [
      encodeSafetensors(
        new Map([
          ['mel', matrix],
          ['b', matrix],
        ]),
        new Map([['a', 'b']]),
      ),
      golden('philsyn-c8-l4-zip/golden.safetensors'),
    ],
    mutate: mutateHeader(8, 8),
    parse: bytes => {
      for (const tensor of decodeSafetensors(bytes, 'fuzz').tensors.values()) checkTensor(tensor)
    },
  },
  { name: 'torch, zip', seeds: [golden('philsyn-c8-l4-zip/1000.pkl')], mutate: mutateBytes, parse: torch },
  {
    name: 'torch, legacy',
    seeds: [golden('philsyn-c8-l4-legacy/1000.pkl'), golden('mel/LJ001-0008.tacotron2.pt')],
    mutate: mutateBytes,
    parse: torch,
  },
  {
    name: 'mel',
    seeds: [
      encodeNpy(matrix),
      zipSync({ 'mel.npy': encodeNpy(matrix) }),
      encodeSafetensors(new Map([['mel', matrix]])),
    ],
    mutate: mutateBytes,
    parse: bytes => {
      const { mel } = decodeMel(bytes, {}, 'fuzz')
      assert.ok(mel.bands >= 1 && mel.bands <= 512 && mel.frames >= 1 && mel.data.length === mel.bands * mel.frames)
      assert.ok(mel.data.every(Number.isFinite))
    },
  },
  {
    name: 'metadata.csv',
    seeds: [Buffer.from('a.wav,fast,2.5\na,slow,0\n"b, c"|spoken|"Spoken, 3 times."\nd\te\t1\n')].map(
      text => new Uint8Array(text),
    ),
    mutate: mutateText,
    parse: bytes => {
      for (const { name, label, from } of parseMetadata(Buffer.from(bytes).toString())) {
        assert.ok(name !== '' && label !== '' && from >= 0 && !Number.isNaN(from))
      }
    },
  },
  {
    name: 'config.json',
    seeds: ['speech', 'music', 'lmnt-speech'].map(name => file(`models/${name}/config.json`)),
    mutate: mutateText,
    parse: bytes => {
      let json
      try {
        json = JSON.parse(Buffer.from(bytes).toString())
      } catch {
        return
      }
      const { network } = check(modelConfigSchema, json, 'fuzz', 'BAD_CONFIG')
      assert.ok(network.channels >= 1 && network.channels <= 1024 && network.layers >= 1 && network.layers <= 256)
    },
  },
]
