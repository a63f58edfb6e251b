/** Converts a checkpoint of another project into a model folder, and writes models. */
import { DiffWaveError } from '../core/errors.js'
import { isSameFile, kindOfPath } from '../core/files.js'
import { type PathLike, toPath } from '../core/path.js'
import { weightsPath, writeModelFolder } from './folder.js'
import { type ImportHints, type ModelFiles, type ReadModel, readModel } from './read-model.js'
import { isRemote } from './remote/address.js'
import { type RemoteModelOptions, remoteModel } from './remote/remote-model.js'

/** Facts that the checkpoint does not state, and whether an existing folder may be written into. */
export interface ConvertOptions extends ImportHints {
  /** Whether `folder` may exist already. Default false. */
  readonly force?: boolean | undefined
  /** How a checkpoint at an address is downloaded. */
  readonly download?: RemoteModelOptions | undefined
}

/**
 * Converts a checkpoint of lmnt-com/diffwave, Amphion or philsyn/DiffWave-Vocoder into a model folder. Nothing in a
 * pickle is executed.
 *
 * @param checkpoint a `.pt`, `.pkl`, `.ckpt` or `.safetensors` file, its URL, or `hf:owner/name/file`
 * @param folder the model folder to write
 * @returns the model, where it came from, and notes on what was assumed
 * @throws DiffWaveError `BAD_OPTION` (the folder exists), `FILE_NOT_FOUND`, `UNSUPPORTED_FORMAT`, `BAD_CHECKPOINT`,
 * `UNSAFE_PICKLE`, `BAD_CONFIG`, `NOT_WRITABLE`, `DISK_FULL`, and as `loadModel` for an address
 * @example
 * await convert('weights.pt', 'my-model')
 */
export async function convert(
  checkpoint: PathLike,
  folder: PathLike,
  options: ConvertOptions = {},
): Promise<ReadModel> {
  const { force = false, download, ...hints } = options
  const source = isRemote(String(checkpoint)) ? String(checkpoint) : toPath(checkpoint, 'convert checkpoint')
  const output = toPath(folder, 'convert folder')
  if (!force && (await kindOfPath(output)) !== 'missing') {
    throw new DiffWaveError('BAD_OPTION', 'the model folder exists already', {
      where: output,
      hint: 'Use force (--force) to write into it.',
    })
  }
  const input = isRemote(source) ? await remoteModel(source, download) : source
  if (await isSameFile(input, weightsPath(output))) {
    throw new DiffWaveError('BAD_OPTION', 'the model would overwrite the checkpoint it is made from', {
      where: input,
      hint: 'Write it to another folder.',
    })
  }
  const model = await readModel(input, hints)
  await writeModelFolder(output, model)
  return model
}

/**
 * Writes a model folder: `config.json` and `weights.safetensors`.
 *
 * @param folder created if missing
 * @throws DiffWaveError `BAD_OPTION`, `BAD_CONFIG`, `BAD_PARAMETERS`, `NOT_WRITABLE`, `DISK_FULL`
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
