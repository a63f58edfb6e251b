// Arrays, and mels in them.
import assert from 'node:assert/strict'
import { zipSync } from 'fflate'
import { decodeMel } from '../../dist/formats/mel-file.js'
import { openMel } from '../../dist/formats/mel-stream.js'
import { decodeNpy, encodeNpy } from '../../dist/formats/npy.js'
import { decodeNpz, npzNames } from '../../dist/formats/npz.js'
import { decodeTorch, TorchTensor, torchTensor } from '../../dist/formats/pytorch.js'
import { decodeSafetensors, encodeSafetensors } from '../../dist/formats/safetensors.js'
import { golden, written } from './files.mjs'
import { mutateBytes, mutateHeader } from './mutations.mjs'

const matrix = { shape: [4, 30], data: Float32Array.from({ length: 120 }, (_, i) => -i / 10) }
const pair = new Map([
  ['mel', matrix],
  ['b', matrix],
])
const one = new Map([['mel', matrix]])

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

/** Reads a mel in pieces, which together must be what its reader says. */
async function stream(bytes) {
  const mel = await openMel(written('mel.npy', bytes))
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
]
