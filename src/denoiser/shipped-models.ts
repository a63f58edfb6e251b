/** The models that come with this package, and where a model lies by its name or path. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DiffWaveError } from '../core/errors.js'
import { kindOfPath } from '../core/files.js'
import { suggestion } from '../core/suggest.js'
import { configPath } from '../model/folder.js'
import { isRemote } from '../model/remote/address.js'
import { type RemoteModelOptions, remoteModel } from '../model/remote/remote-model.js'

/** The config with which a model was trained, beside its `config.json`. */
const TRAINING_CONFIG = 'train.json'

/**
 * Where a model lies. A file or a model folder that exists wins; else the name of a shipped model counts. So a folder
 * that is not a model, such as `music` full of recordings, does not hide the shipped model of that name; `./music`
 * means the folder. A model by address (`https://…`, `hf:owner/name`) is downloaded into the cache.
 *
 * @throws DiffWaveError `UNKNOWN_MODEL`, and as `remoteModel`
 */
export async function modelPath(source: string, download: RemoteModelOptions = {}): Promise<string> {
  if (isRemote(source)) return remoteModel(source, download)
  const kind = await kindOfPath(source)
  const isModel = kind === 'directory' ? (await kindOfPath(configPath(source))) === 'file' : kind !== 'missing'
  if (isModel) return source
  const shipped = shippedModels()
  if (shipped.includes(source)) return join(modelsFolder()!, source)
  if (kind !== 'missing' || /[\\/.]/.test(source)) return source
  throw new DiffWaveError('UNKNOWN_MODEL', 'unknown model', {
    expected: shipped.length === 0 ? 'a path' : `one of ${shipped.join(', ')}, or a path`,
    got: source,
    ...suggestion(source, shipped),
  })
}

/**
 * Where a training config lies: a `.json` file, a folder that holds a `train.json`, or the name of a shipped model.
 *
 * @throws DiffWaveError `UNKNOWN_MODEL`; `FILE_NOT_FOUND` if a folder or a shipped model has no training config
 */
export async function trainingConfigPath(source: string): Promise<string> {
  const kind = await kindOfPath(source)
  if (kind === 'file' || kind === 'other') return source
  const own = join(source, TRAINING_CONFIG)
  if ((await kindOfPath(own)) === 'file') return own
  const folder = await modelPath(source)
  if ((await kindOfPath(folder)) === 'missing') return folder
  const path = join(folder, TRAINING_CONFIG)
  if ((await kindOfPath(path)) === 'file') return path
  throw new DiffWaveError('FILE_NOT_FOUND', `there is no ${TRAINING_CONFIG} in this folder`, {
    where: folder,
    hint: 'Name a training config: a .json file as docs/training.md describes it.',
  })
}

/** Names of the models in this package; none in a bundle, which has no package folder. */
export function shippedModels(): readonly string[] {
  const folder = modelsFolder()
  if (folder === null || !existsSync(folder)) return []
  return readdirSync(folder)
    .filter(name => existsSync(configPath(join(folder, name))))
    .sort()
}

function modelsFolder(): string | null {
  const root = packageRoot()
  return root === null ? null : join(root, 'models')
}

/** The folder of the nearest package.json above this file that is named `diffwave`; null in a bundle. */
export function packageRoot(): string | null {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (true) {
    if (packageName(join(folder, 'package.json')) === 'diffwave') return folder
    const parent = dirname(folder)
    if (parent === folder) return null
    folder = parent
  }
}

/** The name in a package.json; undefined if it is missing or not to be read, which is not this package's affair. */
function packageName(path: string): unknown {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as { name?: unknown } | null)?.name
  } catch {
    return undefined
  }
}
