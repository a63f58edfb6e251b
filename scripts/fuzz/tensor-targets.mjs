// Fuzz targets that read arrays, and the mels in them.
import assert from 'node:assert/strict'
import { zipSync } from 'fflate'
import { readMelStatistics } from '../../dist/formats/mel-statistics.js'
import { openMel } from '../../dist/formats/mel-stream.js'
import { decodeMel } from '../../dist/formats/mel-tensor.js'
import { decodeNpy, encodeNpy } from '../../dist/formats/npy.js'
import { decodeNpz, npzNames } from '../../dist/formats/npz.js'
import { decodeTorch, torchTensor } from '../../dist/formats/pytorch.js'
import { decodeSafetensors, encodeSafetensors } from '../../dist/formats/safetensors.js'
import { TorchTensor } from '../../dist/formats/torch-pickle.js'
import { golden, written } from './files.mjs'
import { mutateBytes, mutateHeader, mutateText } from './mutations.mjs'

const matrix = { shape: [4, 30], data: Float32Array.from({ length: 120 }, (_, i) => -i / 10) }
const pair = new Map([
  ['mel', matrix],
  ['b', matrix],
])
const one = new Map([['mel', matrix]])
const archives = [
  zipSync({ 'mel.npy': encodeNpy(matrix), 'b.npy': encodeNpy(matrix) }),
  zipSync({ 'mel.npy': encodeNpy(matrix) }, { level: 0 }),
]
const bands = encodeNpy({ shape: [4], data: Float32Array.of(4, 2, 3, 5) })
const statistics = [
  encodeNpy({ shape: [2, 4], data: Float32Array.of(-1, -2, -3, -4, 1, 2, 3, 4) }),
  zipSync({ 'mean.npy': bands, 'scale.npy': bands }),
  zipSync({ 'count.npy': bands, 'sum.npy': bands, 'sum_square.npy': bands }),
  new Uint8Array(Buffer.from('{"mean": [1, 2.5], "std": [0.5, 1]}')),
  new Uint8Array(Buffer.from('{"mel_mean": -5.5, "mel_std": 2.1}')),
]

function checkTensor({ shape, data }) {
  assert.ok(shape.every(size => Number.isSafeInteger(size) && size >= 0))
  assert.equal(
    shape.reduce((product, size) => product * size, 1),
    data.length,
  )
}

function checkMel({ bands, frames, data }) {
  assert.ok(bands >= 1 && bands <= 512 && frames >= 1 && data.length === bands * frames)
  assert.ok(data.every(Number.isFinite))
}

function torch(bytes) {
  const visit = (value, depth) => {
    if (value instanceof TorchTensor) checkTensor(torchTensor(value))
    else if (value instanceof Map && depth < 3)
      for (const entry of [...value.values()].slice(0, 50)) visit(entry, depth + 1)
  }
  visit(decodeTorch(bytes, 'fuzz'), 0)
}

/** Changes the header of an array in an archive, or the bytes of the archive, stored or deflated. */
function mutateArray(bytes, random, others) {
  if (random.next() < 0.5) return mutateBytes(bytes, random, others)
  const array = mutateHeader(10, 2)(encodeNpy(matrix), random, others)
  return zipSync({ 'mel.npy': array, 'b.npy': encodeNpy(matrix) }, { level: random.of([0, 6]) })
}

/** Reads a mel in pieces, whose sizes must add up to the announced one. */
async function stream(bytes) {
  // Every third file is read as a batch.
  const mel = await openMel(written('mel.npy', bytes), bytes.length % 3 === 0 ? { index: 0 } : {})
  let frames = 0
  for await (const piece of mel) {
    checkMel(piece)
    assert.equal(piece.bands, mel.bands)
    frames += piece.frames
  }
  assert.equal(frames, mel.frames)
}

export const tensorTargets = [
  {
    name: 'npy',
    seeds: [encodeNpy(matrix)],
    mutate: mutateHeader(10, 2),
    parse: bytes => checkTensor(decodeNpy(bytes, 'fuzz')),
  },
  {
    name: 'npz',
    seeds: archives,
    mutate: mutateArray,
    parse: bytes => {
      for (const name of npzNames(bytes, 'fuzz').slice(0, 4)) checkTensor(decodeNpz(bytes, name, 'fuzz'))
    },
  },
  {
    name: 'safetensors',
    seeds: [
      encodeSafetensors(pair, new Map([['a', 'b']])),
      encodeSafetensors(pair, new Map(), 'F16'),
      encodeSafetensors(pair, new Map([['a', 'b']]), 'BF16'),
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
    seeds: [encodeNpy(matrix), zipSync({ 'mel.npy': encodeNpy(matrix) }), encodeSafetensors(one)],
    mutate: mutateBytes,
    parse: bytes => checkMel(decodeMel(bytes, {}, 'fuzz').mel),
  },
  { name: 'mel in pieces', seeds: [encodeNpy(matrix)], mutate: mutateHeader(10, 2), parse: stream },
  { name: 'mel in pieces, npz', seeds: archives, mutate: mutateArray, parse: stream },
  {
    name: 'mel in pieces, others',
    seeds: [encodeSafetensors(one), golden('mel/LJ001-0008.tacotron2.pt'), encodeNpy({ ...matrix, shape: [1, 4, 30] })],
    mutate: mutateBytes,
    parse: stream,
  },
  {
    name: 'mel statistics',
    seeds: statistics,
    mutate: (bytes, random, others) => (bytes[0] === 0x7b ? mutateText : mutateBytes)(bytes, random, others),
    parse: async bytes => {
      const { mean, deviation } = await readMelStatistics(written('stats', bytes))
      assert.ok(mean.length >= 1 && mean.length <= 512 && mean.length === deviation.length)
      assert.ok(mean.every(Number.isFinite) && deviation.every(value => value > 0 && value < Infinity))
    },
  },
]
