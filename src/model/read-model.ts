/** Reads a model from whatever it comes in: a model folder, or a PyTorch checkpoint of a known project as it is. */
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { DiffWaveError } from '../core/errors.js'
import { kindOfPath, readFileBytes } from '../core/files.js'
import { check } from '../core/options.js'
import { decodeTorch } from '../formats/pytorch.js'
import { readJson, readModelFolder } from './folder.js'
import { importLmnt, isLmntStateDict, type ModelFiles } from './import/lmnt.js'
import { importPhilsyn, isPhilsynStateDict, type PhilsynHints, philsynHints } from './import/philsyn.js'

export type { ModelFiles } from './import/lmnt.js'

/** Where a model came from. */
export type ModelSource = 'folder' | 'lmnt' | 'philsyn'

const optionsSchema = z.strictObject({
  /** For a philsyn checkpoint without its `config.json`: what shapes cannot tell. */
  dilationCycle: z.number().int().positive().optional(),
  diffusionSteps: z.number().int().positive().optional(),
  betaStart: z.number().positive().optional(),
  betaEnd: z.number().positive().optional(),
})

export type ReadModelOptions = Readonly<z.input<typeof optionsSchema>>

/** Steps of that project's own training schedule. */
const PHILSYN_STEPS = 50

async function hintsFor(path: string, options: z.output<typeof optionsSchema>): Promise<PhilsynHints> {
  const beside = join(dirname(path), 'config.json')
  const { dilationCycle, betaStart, betaEnd, diffusionSteps } = options
  if (dilationCycle !== undefined && betaStart !== undefined && betaEnd !== undefined) {
    return { dilationCycle, betaStart, betaEnd, diffusionSteps: diffusionSteps ?? PHILSYN_STEPS }
  }
  if ((await kindOfPath(beside)) === 'file') {
    return {
      ...philsynHints(await readJson(beside), beside),
      ...(dilationCycle === undefined ? {} : { dilationCycle }),
    }
  }
  throw new DiffWaveError('BAD_CHECKPOINT', 'this checkpoint does not say its dilation cycle and β range', {
    expected: 'its config.json beside it',
    where: path,
    hint: 'Or give dilationCycle, betaStart and betaEnd (--dilation-cycle, --beta-start, --beta-end).',
  })
}

/**
 * A model's config and parameters.
 *
 * @param path a model folder, a `.pt` of lmnt-com/diffwave, or a `.pkl` of philsyn/DiffWave-Vocoder
 * @throws DiffWaveError `FILE_NOT_FOUND`, `UNSUPPORTED_FORMAT`, `BAD_CHECKPOINT`, `UNSAFE_PICKLE`, `BAD_CONFIG`, …
 */
export async function readModel(
  path: string,
  options: ReadModelOptions = {},
): Promise<ModelFiles & { readonly source: ModelSource }> {
  const checked = check(optionsSchema, options, 'readModel options')
  if ((await kindOfPath(path)) === 'directory') return { ...(await readModelFolder(path)), source: 'folder' }
  const root = decodeTorch(await readFileBytes(path), path)
  if (root instanceof Map) {
    const inner = root.get('model') ?? root.get('model_state_dict') ?? root
    const names = inner instanceof Map ? [...inner.keys()].filter(name => typeof name === 'string') : []
    if (isLmntStateDict(names)) return { ...importLmnt(root, path), source: 'lmnt' }
    if (isPhilsynStateDict(names)) {
      return { ...importPhilsyn(root, await hintsFor(path, checked), path), source: 'philsyn' }
    }
  }
  throw new DiffWaveError('UNSUPPORTED_FORMAT', 'this checkpoint is of no project known here', {
    expected: 'lmnt-com/diffwave or philsyn/DiffWave-Vocoder',
    where: path,
  })
}
