/** Loads a model by a shipped model's name, from a model folder, or from a PyTorch checkpoint as it is. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { DiffWaveError } from '../core/errors.js'
import { kindOfPath } from '../core/files.js'
import { check } from '../core/options.js'
import { toPath } from '../core/path.js'
import { suggestion } from '../core/suggest.js'
import { instructionSets } from '../engines/native/engine.js'
import { createEngine, engineNames } from '../engines/select.js'
import { type ReadModelOptions, readModel } from '../model/read-model.js'
import { Denoiser } from './denoiser.js'

const optionsSchema = z.strictObject({
  /** What runs the network; `auto` takes a CUDA device, else the native engine, else TensorFlow.js. */
  engine: z.enum(engineNames).default('auto'),
  /** Threads of the native engine; default: the available cores. */
  threads: z.number().int().min(1).max(256).optional(),
  /** Instruction set of the native engine; default: the best the processor has. */
  instructionSet: z.enum(instructionSets).optional(),
  dilationCycle: z.number().int().positive().optional(),
  diffusionSteps: z.number().int().positive().optional(),
  betaStart: z.number().positive().optional(),
  betaEnd: z.number().positive().optional(),
})

/**
 * `engine`, `threads` and `instructionSet` say what runs the network; the others complete a philsyn checkpoint that lies without its
 * `config.json` (`readModel`).
 */
export type LoadModelOptions = Readonly<z.input<typeof optionsSchema>> & ReadModelOptions

/**
 * A model, ready to run.
 *
 * @param source a shipped model's name (`shippedModels`), a model folder, or a checkpoint file (`.pt`, `.pkl`)
 * @throws DiffWaveError `UNKNOWN_MODEL`, `ENGINE_UNAVAILABLE`, and what reading a model throws
 */
export async function loadModel(source: string, options: LoadModelOptions = {}): Promise<Denoiser> {
  const { engine, threads, instructionSet, ...hints } = check(optionsSchema, options, 'loadModel options')
  const path = await modelPath(toPath(source, 'model'))
  const { config, parameters } = await readModel(path, withoutUndefined(hints))
  const running = withoutUndefined({ engine, threads, instructionSet })
  return new Denoiser(config, await createEngine(config.network, parameters, running))
}

/**
 * Where a model lies: a file, or a folder with a `config.json`, is taken as it is, whatever it is called; else a bare name means
 * a shipped model.
 *
 * @throws DiffWaveError `UNKNOWN_MODEL`
 */
export async function modelPath(source: string): Promise<string> {
  const kind = await kindOfPath(source)
  const isModel = kind === 'directory' ? (await kindOfPath(join(source, 'config.json'))) === 'file' : kind !== 'missing'
  if (isModel) return source
  const shipped = shippedModels()
  if (shipped.includes(source)) return join(modelsFolder(), source)
  if (kind !== 'missing' || /[\\/.]/.test(source)) return source
  throw new DiffWaveError('UNKNOWN_MODEL', 'unknown model', {
    expected: shipped.length === 0 ? 'a path' : `one of ${shipped.join(', ')}, or a path`,
    got: source,
    ...suggestion(source, shipped),
  })
}

/** Names of the models that lie in this package. */
export function shippedModels(): readonly string[] {
  const folder = modelsFolder()
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter(name => existsSync(join(folder, name, 'config.json')))
    .sort()
}

function modelsFolder(): string {
  return join(packageRoot(), 'models')
}

/** The package's own folder: that of the nearest package.json above this file that is named `diffwave`. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (true) {
    const file = join(folder, 'package.json')
    if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown }).name === 'diffwave') {
      return folder
    }
    const parent = dirname(folder)
    if (parent === folder) throw new DiffWaveError('UNKNOWN_MODEL', 'the package’s own folder was not found')
    folder = parent
  }
}

type Defined<Fields> = { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> }

function withoutUndefined<Fields extends object>(fields: Fields): Defined<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<Fields>
}
