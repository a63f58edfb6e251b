/** Reads a model from a model folder, or from a checkpoint of another project as it is. */
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { DiffWaveError } from '../core/errors.js'
import { isObject } from '../core/is-object.js'
import { check } from '../core/options.js'
import { kindOfPath } from '../core/path-kind.js'
import { readFileBytes } from '../core/read-file.js'
import { decodeTorch } from '../formats/pytorch.js'
import { decodeSafetensors, isSafetensors } from '../formats/safetensors.js'
import type { TorchValue } from '../formats/torch-pickle.js'
import type { ModelConfig } from './config.js'
import { configPath, readJson, readModelFolder, weightsPath } from './folder.js'
import { amphionConfigNames, amphionFacts, isAmphionConfig } from './import/amphion.js'
import { EMBEDDED_CONFIG, parseEmbeddedConfig } from './import/embedded-config.js'
import { type ImportHints, importHintFields, refuseHints, scheduleNotes, withHintedMel } from './import/hints.js'
import { importLmnt } from './import/lmnt.js'
import type { ReadModel } from './import/model-files.js'
import { importPhilsyn, type PhilsynFacts, philsynFacts, renamedFromPhilsyn } from './import/philsyn.js'
import { isShardIndex, readShards } from './import/shards.js'
import { type FoundNetwork, findNetwork, networkOfTensors } from './import/state-dict.js'
import { checkParameters } from './parameters.js'

export type { ImportHints } from './import/hints.js'
export type { ImportedModel, ModelFiles, ModelSource, ReadModel } from './import/model-files.js'

const hintsSchema = z.strictObject(importHintFields)

/** Number of steps of philsyn's training schedule. */
const PHILSYN_STEPS = 50

/**
 * Reads the config and the parameters of a model.
 *
 * @param path a model folder, or its `weights.safetensors`; or a `.pt`, `.pkl`, `.ckpt` or `.safetensors` file with a
 * network of lmnt-com/diffwave, Amphion or philsyn/DiffWave-Vocoder, or one that an export of this package wrote; or
 * the index of such a checkpoint in several files (`model.safetensors.index.json`, `pytorch_model.bin.index.json`)
 * @param hints facts that the checkpoint does not state, or that override what it states; a model folder takes none
 * @throws DiffWaveError `FILE_NOT_FOUND`, `UNSUPPORTED_FORMAT`, `BAD_CHECKPOINT`, `UNSAFE_PICKLE`, `BAD_CONFIG`,
 * `BAD_OPTION`, …
 */
export async function readModel(path: string, hints: ImportHints = {}): Promise<ReadModel> {
  const checked = check(hintsSchema, hints, 'readModel options')
  if ((await kindOfPath(path)) === 'directory') {
    refuseHints(checked, 'a model folder has its config', 'Edit config.json in the folder to change it.', path)
    await refuseDistributed(path)
    return { ...(await readModelFolder(path)), notes: [], source: 'folder' }
  }
  if (await isInModelFolder(path)) return readModel(dirname(path), checked)
  const { root, network, config } = await readNetwork(path)
  if (network === null) {
    throw new DiffWaveError('UNSUPPORTED_FORMAT', 'the checkpoint is not of a known project', {
      expected: 'parameters of lmnt-com/diffwave, Amphion’s DiffWave or philsyn/DiffWave-Vocoder',
      where: path,
    })
  }
  const { project, tensors } = network
  if (config !== null) {
    const hint = 'Convert it to a model folder and edit config.json there to change it.'
    refuseHints(checked, 'an export of diffwave has its config', hint, path)
    const own = project === 'lmnt' ? tensors : renamedFromPhilsyn(tensors, path)
    return { config, parameters: checkParameters(config.network, own, path), notes: network.notes, source: 'export' }
  }
  const imported =
    project === 'lmnt'
      ? importLmnt(tensors, { root, amphion: await amphionBeside(path), hints: checked }, path)
      : importPhilsyn(tensors, await philsynFactsFor(path, checked), { root, hints: checked }, path)
  const hinted = withHintedMel(imported.config, checked)
  const notes = [...network.notes, ...imported.notes, ...scheduleNotes(hinted.diffusion.training)]
  return { ...imported, config: hinted, notes, source: project }
}

/** Whether a file is the weights of a model folder, whose config says what they are. */
async function isInModelFolder(path: string): Promise<boolean> {
  const config = configPath(dirname(path))
  if (basename(path) !== basename(weightsPath('')) || (await kindOfPath(config)) !== 'file') return false
  const json = await readJson(config).catch(() => null)
  return isObject(json) && 'format' in json && json.format === 'diffwave'
}

interface ReadNetwork {
  /** The whole checkpoint; empty for safetensors. */
  readonly root: ReadonlyMap<TorchValue, TorchValue>
  readonly network: FoundNetwork | null
  /** The config inside an export of this package; null for other files. */
  readonly config: ModelConfig | null
}

/** Refuses what `torch.distributed.checkpoint` wrote. @throws DiffWaveError `UNSUPPORTED_FORMAT` */
async function refuseDistributed(folder: string): Promise<void> {
  if ((await kindOfPath(join(folder, '.metadata'))) !== 'file') return
  throw new DiffWaveError('UNSUPPORTED_FORMAT', 'the folder is a checkpoint of torch.distributed.checkpoint', {
    expected: 'a model folder, or one file of torch.save',
    where: folder,
    hint: 'Join it: python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER checkpoint.pt',
  })
}

/** The index of a checkpoint in several files, or the bytes of `torch.save` or of safetensors. */
async function readNetwork(path: string): Promise<ReadNetwork> {
  if (isShardIndex(path)) {
    return { root: new Map(), network: networkOfTensors(await readShards(path), path), config: null }
  }
  const bytes = await readFileBytes(path)
  if (isSafetensors(bytes)) {
    const { tensors, metadata } = decodeSafetensors(bytes, path)
    const config = parseEmbeddedConfig(metadata.get(EMBEDDED_CONFIG), path)
    return { root: new Map(), network: networkOfTensors(tensors, path), config }
  }
  const value = decodeTorch(bytes, path)
  const root: ReadNetwork['root'] = value instanceof Map ? value : new Map()
  return {
    root,
    network: findNetwork(value, path),
    config: parseEmbeddedConfig(root.get(EMBEDDED_CONFIG), path),
  }
}

/** The facts in an Amphion config beside the checkpoint; null if there is none. */
async function amphionBeside(path: string): Promise<ReturnType<typeof amphionFacts> | null> {
  for (const name of amphionConfigNames) {
    const beside = join(dirname(path), name)
    if ((await kindOfPath(beside)) !== 'file') continue
    // A file of that name may belong to anything, so it counts only if it looks like Amphion's.
    const json = await readJson(beside).catch(() => null)
    if (isAmphionConfig(json)) return amphionFacts(json, beside)
  }
  return null
}

/** The facts that a philsyn checkpoint does not state. The user's hints override its `config.json`. */
async function philsynFactsFor(path: string, hints: ImportHints): Promise<PhilsynFacts> {
  const beside = join(dirname(path), 'config.json')
  const { dilationCycle, betaStart, betaEnd, diffusionSteps } = hints
  if (dilationCycle !== undefined && betaStart !== undefined && betaEnd !== undefined) {
    return { dilationCycle, betaStart, betaEnd, diffusionSteps: diffusionSteps ?? PHILSYN_STEPS }
  }
  if ((await kindOfPath(beside)) === 'file') {
    const own = philsynFacts(await readJson(beside), beside)
    return {
      dilationCycle: dilationCycle ?? own.dilationCycle,
      diffusionSteps: diffusionSteps ?? own.diffusionSteps,
      betaStart: betaStart ?? own.betaStart,
      betaEnd: betaEnd ?? own.betaEnd,
    }
  }
  throw new DiffWaveError('BAD_CHECKPOINT', 'the checkpoint does not state its dilation cycle and β range', {
    expected: 'its config.json beside it',
    where: path,
    hint: 'Or give dilationCycle, betaStart and betaEnd (--dilation-cycle, --beta-start, --beta-end).',
  })
}
