/**
 * Export as ONNX: one call of the denoiser, or the whole process from noise to audio as one graph, so that ONNX
 * Runtime, Triton or a phone can run a model without this package.
 */
import { z } from 'zod'
import { DiffWaveError } from '../../core/errors.js'
import { MAX_DIFFUSION_STEPS, MAX_GUIDANCE, MAX_ONNX_WEIGHTS } from '../../core/limits.js'
import { check, type FieldsOf } from '../../core/options.js'
import type { PathLike } from '../../core/path.js'
import { createSampler } from '../../diffusion/samplers/create.js'
import { audioHop } from '../../model/config.js'
import { defaultIterations, type SamplerName, samplerNames } from '../../model/diffusion-config.js'
import { downloadFields } from '../../model/download-options.js'
import { EMBEDDED_CONFIG, embeddedConfig } from '../../model/import/embedded-config.js'
import type { ModelFiles } from '../../model/import/model-files.js'
import { parameterCount } from '../../model/parameters.js'
import { type Exported, type ExportOptions, type ExportSource, readSource, writeExport } from '../source.js'
import type { BuiltGraph, OnnxPort } from './graphs.js'

/** Options of `exportOnnx`. */
export interface ExportOnnxOptions extends ExportOptions {
  /**
   * What the graph contains. `whole`: the whole process, from noise and mel to audio, with all steps of the schedule.
   * `denoiser`: one call of the network. Default: `whole`.
   */
  readonly part?: 'whole' | 'denoiser' | undefined
  /** How the weights are stored: `F32` or `F16`. Runtimes compute in float32 either way. Default: `F32`. */
  readonly type?: 'F32' | 'F16' | undefined
  /**
   * For `whole`: number of steps, or the name of one of the model's schedules. Default: the model's number of steps.
   */
  readonly steps?: number | string | undefined
  /** For `whole`: the sampler. Default: the sampler that the schedule names, else the model's default. */
  readonly sampler?: SamplerName | undefined
  /** For `whole` with the sampler `ddim`: η, 0 to 1. Default: 0. */
  readonly eta?: number | undefined
  /** For `whole` of generators with labels: weight of classifier-free guidance, 0 to 100. Default: the model's. */
  readonly guidance?: number | undefined
}

/** What `exportOnnx` wrote. */
export interface ExportedOnnx extends Exported {
  /** The graph's inputs. */
  readonly inputs: readonly OnnxPort[]
  /** The graph's outputs. */
  readonly outputs: readonly OnnxPort[]
  /** Number of samples per mel frame. For generators: the number of samples must be a multiple of this. */
  readonly hop: number
  /** Sample rate of the audio in Hz. */
  readonly sampleRate: number
  /** Number of steps; null for `denoiser`. */
  readonly steps: number | null
}

/** Schema of `ExportOnnxOptions`. */
export const exportOnnxOptions = z.strictObject({
  part: z.enum(['whole', 'denoiser']).default('whole'),
  type: z
    .enum(['F32', 'F16'], { error: 'expected F32 or F16: runtimes do not compute with other types' })
    .default('F32'),
  steps: z.union([z.number().int().min(1).max(MAX_DIFFUSION_STEPS), z.string().min(1)]).optional(),
  sampler: z.enum(samplerNames).optional(),
  eta: z.number().min(0).max(1).optional(),
  guidance: z.number().min(0).max(MAX_GUIDANCE).optional(),
  ...downloadFields,
} satisfies FieldsOf<ExportOnnxOptions>)

/**
 * Writes a model as ONNX (opset 17), with dynamic batch and length.
 *
 * The caller supplies the noise as standard normal numbers, `noise` `[batch, rows, samples]`: row 0 is what the process
 * starts from, and each step that adds noise takes one more row, in order. The high band of a vocoder takes the last
 * row. If the prior has harmonics, the graph also tracks the mel's pitch and makes the pulses. Phase refinement is not
 * part of the graph.
 *
 * @param source a shipped model's name, a model folder, a checkpoint file, the address of either, or a model in memory
 * @param output path of the file
 * @throws DiffWaveError `BAD_OPTION`, `BAD_SCHEDULE`, `TOO_LARGE` (more weights than a file can hold), `UNKNOWN_MODEL`,
 * `NOT_FINITE` (a weight beyond the type's range), `NOT_WRITABLE`, `DISK_FULL`, `ABORTED`, and what
 * reading a model throws
 * @example
 * const { inputs } = await exportOnnx('speech', 'speech.onnx', { steps: 4, type: 'F16' })
 */
export async function exportOnnx(
  source: ExportSource,
  output: PathLike,
  options: ExportOnnxOptions = {},
): Promise<ExportedOnnx> {
  const { part, type, steps, sampler, eta, guidance, ...how } = check(exportOnnxOptions, options, 'exportOnnx options')
  const model = await readSource(source, 'exportOnnx', how)
  const { config } = model
  checkOnnxSize(parameterCount(config.network), type)
  const sampling = { steps, sampler, eta, guidance }
  const exported = await (part === 'denoiser' ? denoiser(model, type, sampling) : whole(model, type, sampling))
  const iterations = defaultIterations(config.diffusion)
  const notes =
    iterations === 0 || part === 'denoiser'
      ? []
      : [`The model’s phase refinement (${iterations} iterations) is not part of the graph.`]
  const hop = audioHop(config)
  const metadata = new Map([
    ['sample_rate', String(config.sampleRate)],
    ['hop', String(hop)],
    ['license', config.license],
    [EMBEDDED_CONFIG, embeddedConfig(config)],
  ])
  const { inputs, outputs, graph } = exported.built
  const written = await writeExport(source, output, graph.bytes(metadata), { ...how, notes, where: 'exportOnnx' })
  return { ...written, inputs, outputs, hop, sampleRate: config.sampleRate, steps: exported.steps }
}

/** Refuses a network whose weights do not fit into one ONNX file. @throws DiffWaveError `TOO_LARGE` */
export function checkOnnxSize(parameters: number, type: 'F32' | 'F16'): void {
  const bytes = parameters * (type === 'F16' ? 2 : 4)
  if (bytes <= MAX_ONNX_WEIGHTS) return
  throw new DiffWaveError('TOO_LARGE', 'the model is too large for an ONNX file', {
    expected: `at most ${MAX_ONNX_WEIGHTS} bytes of weights`,
    got: String(bytes),
    where: 'exportOnnx',
    hint: `Export ${type === 'F32' && bytes / 2 <= MAX_ONNX_WEIGHTS ? 'with type F16' : 'as PyTorch or safetensors'}.`,
  })
}

type WeightType = z.output<typeof exportOnnxOptions>['type']
type Sampling = Pick<z.output<typeof exportOnnxOptions>, 'steps' | 'sampler' | 'eta' | 'guidance'>

interface Part {
  readonly built: BuiltGraph
  readonly steps: number | null
}

async function denoiser(model: ModelFiles, type: WeightType, sampling: Sampling): Promise<Part> {
  const given = Object.entries(sampling).find(([, value]) => value !== undefined)
  if (given !== undefined) {
    throw new DiffWaveError('BAD_OPTION', `${given[0]} is for the whole: the denoiser is one call of the network`, {
      where: 'exportOnnx options',
    })
  }
  const { denoiserGraph } = await import('./graphs.js')
  return { built: denoiserGraph(model, type === 'F16'), steps: null }
}

async function whole(model: ModelFiles, type: WeightType, { guidance, ...choice }: Sampling): Promise<Part> {
  const { diffusion, network, kind } = model.config
  const guides = kind === 'generator' && network.labels !== null
  if (guidance !== undefined && !guides) {
    throw new DiffWaveError('BAD_OPTION', 'guidance is for generators with labels', { where: 'exportOnnx options' })
  }
  const sampler = createSampler(diffusion, choice)
  const weight = guides ? (guidance ?? diffusion.defaultGuidance) : 0
  const { wholeGraph } = await import('./graphs.js')
  const built = wholeGraph(model, { sampler, prediction: diffusion.prediction }, weight, type === 'F16')
  return { built, steps: sampler.steps.length }
}
