/** Finds models by name or path, in this package and in the packages that hold one model each. */
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { documentation } from '../core/documentation.js'
import { DiffWaveError } from '../core/errors.js'
import { bundleHint, packageRoot } from '../core/package.js'
import { kindOfPath } from '../core/path-kind.js'
import { suggestion } from '../core/suggest.js'
import { configPath } from './folder.js'
import { CONFIG_FILE } from './read-folder.js'
import { isRemote } from './remote/address.js'
import type { RemoteModelOptions } from './remote/options.js'
import { remoteModel } from './remote/remote-model.js'

/** Name of the training config, which lies beside `config.json`. */
const TRAINING_CONFIG = 'train.json'
/** Name of the training config for runs that start from trained weights. A model need not have one. */
const FINE_TUNING_CONFIG = 'fine-tune.json'

/** Scope of the packages that hold one model each: `@diffwave/music` is the model `music`. */
const SCOPE = '@diffwave'
/** The models that have such a package, so that the main package stays small. */
const packagedModels: readonly string[] = ['digits', 'lmnt-speech', 'music', 'speech-24khz']
const packageOf = (name: string) => `${SCOPE}/${name}`

/**
 * Path of a model. An existing file or model folder comes first, then shipped models by name. A folder that is not a
 * model, such as `music` full of recordings, does not hide the shipped model of that name; `./music` always means the
 * folder. A model at an address (`https://…`, `hf:owner/name`) is downloaded to the cache.
 *
 * @throws DiffWaveError `UNKNOWN_MODEL`, and as `remoteModel`
 */
export async function modelPath(source: string, download: RemoteModelOptions = {}): Promise<string> {
  if (isRemote(source)) return remoteModel(source, download)
  const kind = await kindOfPath(source)
  const isModel = kind === 'directory' ? (await kindOfPath(configPath(source))) === 'file' : kind !== 'missing'
  if (isModel) return source
  const shipped = modelFolders()
  const name = source.startsWith(packageOf('')) ? source.slice(packageOf('').length) : source
  const folder = shipped.get(name)
  if (folder !== undefined) return folder
  if (kind === 'missing' && packagedModels.includes(name)) {
    throw new DiffWaveError('UNKNOWN_MODEL', `the model ${name} is not installed`, {
      hint: `npm install ${packageOf(name)}`,
    })
  }
  if (kind !== 'missing' || /[\\/.]/.test(source)) return source
  const names = [...shipped.keys()]
  const bundled = bundleHint()
  throw new DiffWaveError('UNKNOWN_MODEL', 'unknown model', {
    expected: names.length === 0 ? 'a path' : `one of ${names.join(', ')}, or a path`,
    got: source,
    ...(bundled === undefined ? suggestion(source, [...names, ...packagedModels]) : { hint: bundled }),
  })
}

/**
 * Path of a training config, given as a `.json` file, a folder with a `train.json`, or the name of a shipped model.
 *
 * @param fineTune whether the run starts from trained weights. The model's `fine-tune.json` is then used if it has one
 * @throws DiffWaveError `UNKNOWN_MODEL`; `FILE_NOT_FOUND` if a folder or a shipped model has no training config
 */
export async function trainingConfigPath(source: string, { fineTune = false } = {}): Promise<string> {
  const kind = await kindOfPath(source)
  if (kind === 'file' || kind === 'other') return source
  const names = fineTune ? [FINE_TUNING_CONFIG, TRAINING_CONFIG] : [TRAINING_CONFIG]
  const own = await firstFile(source, names)
  if (own !== null) return own
  const folder = await modelPath(source)
  if ((await kindOfPath(folder)) === 'missing') return folder
  const path = await firstFile(folder, names)
  if (path !== null) return path
  throw new DiffWaveError('FILE_NOT_FOUND', `there is no ${TRAINING_CONFIG} in this folder`, {
    where: folder,
    hint: `Name a training config, a .json file: ${documentation('training')}`,
  })
}

/** Path of the first of some files that a folder has; null if it has none of them. */
async function firstFile(folder: string, names: readonly string[]): Promise<string | null> {
  for (const name of names) {
    const path = join(folder, name)
    if ((await kindOfPath(path)) === 'file') return path
  }
  return null
}

/**
 * Names of the installed models: those in this package, and those in packages `@diffwave/…` in the `node_modules`
 * folders above this package or the working directory, or where Yarn Plug'n'Play has them.
 *
 * @example
 * console.log(shippedModels().join(', ')) // speech, and what else is installed
 */
export function shippedModels(): readonly string[] {
  return [...modelFolders().keys()]
}

/** The packages of models that are not installed, by the model's name. */
export function missingModels(): Readonly<Record<string, string>> {
  const installed = modelFolders()
  const missing = packagedModels.filter(name => !installed.has(name))
  return Object.fromEntries(missing.map(name => [name, packageOf(name)]))
}

/** Folders of the installed models in order of name. This package's own come first. */
function modelFolders(): ReadonlyMap<string, string> {
  const root = packageRoot()
  // The running copy of this package may lie elsewhere than the working directory, for example if npx runs it.
  const places = [import.meta.url, ...workingFolder().map(folder => join(folder, 'package.json'))]
  const requires = places.map(file => createRequire(file))
  const scopes = requires.flatMap(require => require.resolve.paths(SCOPE) ?? []).map(path => join(path, SCOPE))
  const folders = new Map<string, string>()
  for (const place of new Set([...(root === null ? [] : [join(root, 'models')]), ...scopes])) {
    for (const name of namesIn(place)) {
      if (!folders.has(name) && existsSync(configPath(join(place, name)))) folders.set(name, join(place, name))
    }
  }
  for (const name of packagedModels) {
    if (folders.has(name)) continue
    const folder = resolvedFolder(name, requires)
    if (folder !== undefined) folders.set(name, folder)
  }
  return new Map([...folders].sort(([one], [other]) => (one < other ? -1 : 1)))
}

/** The folder of a model's package, as a package manager without `node_modules` resolves it. */
function resolvedFolder(name: string, requires: readonly NodeJS.Require[]): string | undefined {
  for (const require of requires) {
    try {
      return dirname(require.resolve(`${packageOf(name)}/${CONFIG_FILE}`))
    } catch {
      // Not a package that this place depends on.
    }
  }
  return undefined
}

/** The working directory; none if it was removed, as when a release replaces the folder of a service. */
function workingFolder(): readonly string[] {
  try {
    return [process.cwd()]
  } catch {
    return []
  }
}

/** Names of the entries of a folder; empty if it is missing or cannot be read. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
