/** Converts a checkpoint of another project into a model folder, and writes models. */
import { setImmediate } from 'node:timers/promises'
import { z } from 'zod'
import { DiffWaveError, throwIfAborted } from '../core/errors.js'
import { check, type FieldsOf } from '../core/options.js'
import { type PathLike, toPath } from '../core/path.js'
import { isSameFile } from '../core/path-kind.js'
import { type DownloadOptions, downloadFields, remoteModelOptions } from './download-options.js'
import { checkNewModelFolder, weightsPath, writeModelFolder } from './folder.js'
import { importHintFields } from './import/hints.js'
import { type ImportHints, type ModelFiles, type ReadModel, readModel } from './read-model.js'
import { isRemote } from './remote/address.js'
import { remoteModel } from './remote/remote-model.js'

/** Options of `convert`: facts that the checkpoint does not state, and how one at an address is downloaded. */
export interface ConvertOptions extends ImportHints, DownloadOptions {
  /** Whether `folder` may contain files already. Default: false. */
  readonly force?: boolean | undefined
  /** Stops the download, or the conversion before anything is written: the call rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
}

const convertOptions = z.strictObject({
  force: z.boolean().default(false),
  ...importHintFields,
  ...downloadFields,
} satisfies FieldsOf<ConvertOptions>)

/**
 * Converts a checkpoint of lmnt-com/diffwave, Amphion or philsyn/DiffWave-Vocoder into a model folder. Nothing in a
 * pickle is executed.
 *
 * @param checkpoint a `.pt`, `.pkl`, `.ckpt` or `.safetensors` file, its URL, or `hf:owner/name/file`
 * @param folder the model folder to write: new or empty, unless `force` is set
 * @returns the model, where it came from, and notes on what was assumed
 * @throws DiffWaveError `BAD_OPTION` (the folder contains files), `FILE_NOT_FOUND`, `UNSUPPORTED_FORMAT`,
 * `BAD_CHECKPOINT`, `UNSAFE_PICKLE`, `BAD_CONFIG`, `NOT_WRITABLE`, `DISK_FULL`, `ABORTED`, and as
 * `loadModel` for an address
 * @example
 * await convert('weights.pt', 'my-model')
 */
export async function convert(
  checkpoint: PathLike,
  folder: PathLike,
  options: ConvertOptions = {},
): Promise<ReadModel> {
  const { force, onProgress, signal, cache, files, download, ...hints } = check(
    convertOptions,
    options,
    'convert options',
  )
  const source = remoteSource(checkpoint) ?? toPath(checkpoint, 'convert checkpoint')
  const output = toPath(folder, 'convert folder')
  if (!force) await checkNewModelFolder(output)
  const remote = remoteModelOptions({ onProgress, signal, cache, files, download })
  const input = isRemote(source) ? await remoteModel(source, remote) : source
  if (await isSameFile(input, weightsPath(output))) {
    throw new DiffWaveError('BAD_OPTION', 'the model would overwrite the checkpoint it is made from', {
      where: input,
      hint: 'Write it to another folder.',
    })
  }
  const model = await readModel(input, hints)
  // The weights were decoded in one go: signals that came meanwhile are delivered now.
  await setImmediate()
  throwIfAborted(signal)
  await writeModelFolder(output, model)
  return model
}

/** The address of a checkpoint that is not a local file. */
function remoteSource(checkpoint: PathLike): string | null {
  const address = checkpoint instanceof URL ? checkpoint.href : checkpoint
  return typeof address === 'string' && isRemote(address) ? address : null
}

/**
 * Writes a model folder: `config.json` and `weights.safetensors`.
 *
 * @param folder created if missing
 * @throws DiffWaveError `BAD_OPTION`, `BAD_CONFIG`, `BAD_PARAMETERS`, `NOT_WRITABLE`, `DISK_FULL`
 * @example
 * const { config, parameters } = await convert('weights.pt', 'my-model')
 * await writeModel('renamed', { config: { ...config, name: 'renamed' }, parameters })
 */
export async function writeModel(folder: PathLike, model: ModelFiles): Promise<void> {
  const path = toPath(folder, 'writeModel folder')
  if (typeof model !== 'object' || model === null) {
    throw new DiffWaveError('BAD_OPTION', 'not a model', {
      expected: 'config and parameters',
      where: 'writeModel model',
    })
  }
  await writeModelFolder(path, model)
}
