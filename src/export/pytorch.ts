/**
 * Export as a `torch.save` file. If a network has the shape of lmnt-com/diffwave or philsyn/DiffWave-Vocoder, it gets
 * the dictionary and the names of that project, so that its code can load it. Any other network becomes a state dict
 * with our names, which interop/pytorch loads. All files contain the config, so that importing an export restores the
 * same model.
 */
import { check } from '../core/options.js'
import type { PathLike } from '../core/path.js'
import { noiseSchedule } from '../diffusion/schedule.js'
import type { TorchInput } from '../formats/pytorch-writer.js'
import { EMBEDDED_CONFIG, embeddedConfig } from '../model/import/embedded-config.js'
import type { ModelFiles } from '../model/import/model-files.js'
import { lmntObstacle, lmntParams } from './lmnt.js'
import { philsynObstacle, philsynStateDict } from './philsyn.js'
import {
  type Exported,
  type ExportSource,
  type ExportWeightsOptions,
  readSource,
  weightsOptions,
  writeExport,
} from './source.js'

/** The project whose code loads a `.pt` file: one of the two references, or `diffwave` for interop/pytorch. */
export type PyTorchProject = 'lmnt' | 'philsyn' | 'diffwave'

/** Options of `exportPyTorch`. */
export type ExportPyTorchOptions = ExportWeightsOptions

/** What `exportPyTorch` wrote. */
export interface ExportedPyTorch extends Exported {
  /** The project whose code loads the file. */
  readonly project: PyTorchProject
}

/**
 * Writes a model as a PyTorch checkpoint (zip format, tensors and plain data only). lmnt-com/diffwave and
 * philsyn/DiffWave-Vocoder load the checkpoints with their own shape; interop/pytorch loads all others, under the key
 * `model`. `loadModel` and `convert` can read the file back. With `F32` the weights have the same bytes.
 *
 * @param source a shipped model's name, a model folder, a checkpoint file, the address of either, or a model in memory
 * @param output path of the file
 * @throws DiffWaveError as `exportSafetensors`
 * @example
 * const { project } = await exportPyTorch('lmnt-speech', 'weights.pt')
 */
export async function exportPyTorch(
  source: ExportSource,
  output: PathLike,
  options: ExportPyTorchOptions = {},
): Promise<ExportedPyTorch> {
  const { type, ...how } = check(weightsOptions, options, 'exportPyTorch options')
  const { project, content, notes } = checkpointOf(await readSource(source, 'exportPyTorch', how))
  const { encodeTorch } = await import('../formats/pytorch-writer.js')
  const bytes = encodeTorch(content, type)
  return { ...(await writeExport(source, output, bytes, { ...how, notes, where: 'exportPyTorch' })), project }
}

interface Checkpoint {
  readonly project: PyTorchProject
  readonly content: ReadonlyMap<string, TorchInput>
  readonly notes: readonly string[]
}

function checkpointOf(model: ModelFiles): Checkpoint {
  const { config, parameters } = model
  const steps = config.provenance['trainingSteps']
  const step = typeof steps === 'number' && Number.isSafeInteger(steps) ? steps : 0
  const own: [string, TorchInput] = [EMBEDDED_CONFIG, embeddedConfig(config)]
  if (lmntObstacle(config) === null) {
    const content = new Map<string, TorchInput>([
      ['step', step],
      ['model', parameters],
      ['params', lmntParams(config)],
      own,
    ])
    return { project: 'lmnt', content, notes: [] }
  }
  if (philsynObstacle(config) === null) {
    const content = new Map<string, TorchInput>([
      ['iter', step],
      ['model_state_dict', philsynStateDict(config.network, parameters)],
      own,
    ])
    const { beta } = noiseSchedule(config.diffusion.training)
    const { channels, layers, dilationCycle } = config.network
    const note =
      `philsyn’s programs need these in their config: res_channels and skip_channels ${channels}, num_res_layers ` +
      `${layers}, dilation_cycle ${dilationCycle}, T ${beta.length}, beta_0 ${beta[0]}, beta_T ${beta.at(-1)}.`
    return { project: 'philsyn', content, notes: [note] }
  }
  const content = new Map<string, TorchInput>([['step', step], ['model', parameters], own])
  const note =
    'The network has the shape of neither lmnt-com/diffwave ' +
    `(${lmntObstacle(config)}) nor philsyn/DiffWave-Vocoder (${philsynObstacle(config)}): interop/pytorch loads it.`
  return { project: 'diffwave', content, notes: [note] }
}
