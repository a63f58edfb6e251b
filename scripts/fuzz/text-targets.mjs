// Fuzz targets that read tables and configs.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseMetadata } from '../../dist/audio/metadata-csv.js'
import { check } from '../../dist/core/options.js'
import { modelConfigSchema } from '../../dist/model/config.js'
import { checkTrainingConfig } from '../../dist/training/config.js'
import { cutMetrics } from '../../dist/training/run/metrics-log.js'
import { file, written } from './files.mjs'
import { mutateText } from './mutations.mjs'

/** @returns undefined if the bytes are not JSON */
function jsonOf(bytes) {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined
  }
}

function checkNetwork({ channels, layers }) {
  assert.ok(channels >= 1 && channels <= 1024 && layers >= 1 && layers <= 256)
}

export const textTargets = [
  {
    name: 'metadata.csv',
    seeds: [new Uint8Array(Buffer.from('a.wav,fast,2.5\na,slow,0\n"b, c"|spoken|"Spoken, 3 times."\nd\te\t1\n'))],
    mutate: mutateText,
    parse: bytes => {
      for (const { name, label, from } of parseMetadata(Buffer.from(bytes).toString())) {
        assert.ok(name !== '' && label !== '' && from >= 0 && !Number.isNaN(from))
      }
    },
  },
  {
    name: 'metrics.jsonl',
    seeds: [new Uint8Array(Buffer.from('{"step":1,"loss":0.5}\n{"step":2,"loss":0.25}\n{"step":3,"lo'))],
    mutate: mutateText,
    parse: async bytes => {
      const path = written('metrics.jsonl', bytes)
      await cutMetrics(dirname(path), 2)
      for (const line of readFileSync(path, 'utf8').split('\n').slice(0, -1)) assert.ok(JSON.parse(line).step <= 2)
    },
  },
  {
    name: 'config.json',
    seeds: ['speech', 'music', 'lmnt-speech'].map(name => file(`models/${name}/config.json`)),
    mutate: mutateText,
    parse: bytes => {
      const json = jsonOf(bytes)
      if (json !== undefined) checkNetwork(check(modelConfigSchema, json, 'fuzz', 'BAD_CONFIG').network)
    },
  },
  {
    name: 'train.json',
    seeds: ['speech', 'music', 'digits'].map(name => file(`models/${name}/train.json`)),
    mutate: mutateText,
    parse: bytes => {
      const json = jsonOf(bytes)
      if (json !== undefined) checkNetwork(checkTrainingConfig(json, 'fuzz').model.network)
    },
  },
]
