/**
 * A checkpoint in several files, as `huggingface_hub` and `transformers` write it: an index (`*.index.json`) says in
 * which file beside it each parameter lies. The files are safetensors or of `torch.save`, and are read one after the
 * other.
 */
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { DiffWaveError } from '../../core/errors.js'
import { MAX_FILE_BYTES, MAX_SHARDS } from '../../core/limits.js'
import { check } from '../../core/options.js'
import { readFileBytes } from '../../core/read-file.js'
import type { Tensor } from '../../core/tensor.js'
import { decodeTorch, stateDict } from '../../formats/pytorch.js'
import { decodeSafetensors, isSafetensors } from '../../formats/safetensors.js'
import { readJson } from '../folder.js'

/** What an index ends with. */
const INDEX_ENDING = /\.index\.json$/i

/** A name that stays in the index's folder. */
const shardName = z.string().regex(/^(?!\.)[^/\\\0]+$/, 'expected a file’s name without a folder')
const indexSchema = z.looseObject({ weight_map: z.record(z.string(), shardName) })

/** Whether a path is that of an index. */
export function isShardIndex(path: string): boolean {
  return INDEX_ENDING.test(path)
}

/**
 * All parameters that an index lists, by name.
 *
 * @throws DiffWaveError `BAD_CONFIG` (a malformed index), `FILE_NOT_FOUND` (a file that is missing), `TOO_LARGE`,
 * `BAD_CHECKPOINT` (a parameter that is not where the index says), and as the formats' decoders
 */
export async function readShards(index: string): Promise<ReadonlyMap<string, Tensor>> {
  const { weight_map: places } = check(indexSchema, await readJson(index), index, 'BAD_CONFIG')
  const names = new Map<string, string[]>()
  for (const [name, file] of Object.entries(places)) {
    const listed = names.get(file)
    if (listed === undefined) names.set(file, [name])
    else listed.push(name)
  }
  if (names.size > MAX_SHARDS) throw tooLarge('the index lists too many files', MAX_SHARDS, names.size, index)
  const tensors = new Map<string, Tensor>()
  let bytes = 0
  for (const [file, listed] of names) {
    const path = join(dirname(index), file)
    const content = await readFileBytes(path)
    bytes += content.length
    if (bytes > MAX_FILE_BYTES)
      throw tooLarge('the files of the checkpoint are too large', MAX_FILE_BYTES, bytes, index)
    const found = decodeShard(content, path)
    for (const name of listed) {
      const tensor = found.get(name)
      if (tensor === undefined) {
        throw new DiffWaveError('BAD_CHECKPOINT', `the file does not hold ${name}, which the index says it holds`, {
          where: path,
        })
      }
      tensors.set(name, tensor)
    }
  }
  return tensors
}

function decodeShard(bytes: Uint8Array, path: string): ReadonlyMap<string, Tensor> {
  return isSafetensors(bytes) ? decodeSafetensors(bytes, path).tensors : stateDict(decodeTorch(bytes, path), path)
}

function tooLarge(problem: string, limit: number, got: number, where: string): DiffWaveError {
  return new DiffWaveError('TOO_LARGE', problem, { expected: `at most ${limit}`, got: String(got), where })
}
