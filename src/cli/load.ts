/** Loads the model of `-m`, `--engine`, `--threads` and `--precision`, with notes on how it will run. */
import { availableParallelism } from 'node:os'
import { defined } from '../core/defined.js'
import { DiffWaveError } from '../core/errors.js'
import type { Denoiser } from '../denoiser/denoiser.js'
import { loadModel } from '../denoiser/load-model.js'
import { createSampler } from '../diffusion/samplers/create.js'
import { isRemote } from '../model/remote/address.js'
import { remoteModel } from '../model/remote/remote-model.js'
import type { Context } from './context.js'
import { environment } from './environment.js'
import { type ModelOptions, parseInteger } from './options.js'

type Named = Pick<ModelOptions, 'model'>

const named = ({ model }: Named): string | undefined => model ?? environment('MODEL')

/** The model that `-m` or DIFFWAVE_MODEL names, else the fallback. */
export function modelName(options: Named, fallback: string): string {
  return named(options) ?? fallback
}

/**
 * The model of a command that has no default, because a model repairs only sounds of the kind it was trained on.
 *
 * @throws DiffWaveError `BAD_OPTION` if neither `-m` nor DIFFWAVE_MODEL names one
 */
export function namedGenerator(options: Named): string {
  const name = named(options)
  if (name !== undefined) return name
  throw new DiffWaveError('BAD_OPTION', 'no model is named', {
    expected: 'a generator that was trained on sounds like the recording’s',
    where: '--model',
    hint:
      'Name your own with -m, `digits` for spoken digits or `music` for mallets and bells. Vocoders such as `speech` ' +
      'need a mel, so they cannot do this.',
  })
}

/**
 * The options of `loadModel` among a command's own.
 *
 * @throws DiffWaveError `BAD_OPTION` for a DIFFWAVE_THREADS that is no number
 */
export function loadOptions({ engine, threads, precision }: Partial<Omit<ModelOptions, 'model'>>) {
  const stated = environment('THREADS')
  const wanted = threads ?? (stated === undefined ? undefined : threadsOf(stated))
  return defined({ engine, threads: wanted, precision })
}

function threadsOf(text: string): number {
  const threads = parseInteger(text, 'DIFFWAVE_THREADS')
  if (threads >= 1) return threads
  throw new DiffWaveError('BAD_OPTION', 'the number of threads is out of range', {
    expected: 'at least 1',
    got: text,
    where: 'DIFFWAVE_THREADS',
  })
}

/**
 * A model's local path: one at an address is downloaded under a progress bar. Names and paths are returned as they are.
 *
 * @throws DiffWaveError as `remoteModel`
 */
export async function fetchModel(context: Context, name: string): Promise<string> {
  if (!isRemote(name)) return name
  return context.withProgress('download', onProgress => remoteModel(name, { onProgress, signal: context.signal }))
}

/** Loads a model. @throws DiffWaveError as `loadModel` */
export async function openModel(context: Context, options: ModelOptions, fallback: string): Promise<Denoiser> {
  const loading = { ...loadOptions(options), ...defined({ correction: options.correction }) }
  noteThreads(context, loading.threads)
  const path = await fetchModel(context, modelName(options, fallback))
  const model = await loadModel(path, { ...loading, signal: context.signal })
  noteModel(context, model)
  return model
}

/** Notes that more threads than cores do not help. */
export function noteThreads(context: Context, threads: number | undefined): void {
  const cores = availableParallelism()
  if (threads === undefined || threads <= cores) return
  context.note(`${threads} threads on ${cores} cores: more threads than cores are not faster`)
}

/** Prints what a model's user should know: assumed facts of a checkpoint, or a slow engine. */
function noteModel(context: Context, { notes }: Pick<Denoiser, 'notes'>): void {
  for (const note of notes) context.note(note)
}

/** Beyond this many times a model's default number of steps, more steps rarely sound better. */
const MANY_STEPS = 5

/** Notes what very many steps cost. */
export function noteSteps(context: Context, { config }: Pick<Denoiser, 'config'>, steps: number | string | undefined) {
  if (typeof steps !== 'number') return
  const usual = createSampler(config.diffusion, {}).steps.length
  if (steps <= MANY_STEPS * usual) return
  const times = Math.round(steps / usual)
  context.note(
    `${steps} steps take about ${times} times as long as the model’s default of ${usual}, and rarely sound better`,
  )
}
