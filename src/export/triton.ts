/**
 * Export as a model repository for Triton Inference Server, with a manifest for KServe: the ONNX file, and the
 * configuration that each server needs. scripts/serving-schemas.mjs checks both configurations against the servers' own
 * schemas.
 */
import { join } from 'node:path'
import { z } from 'zod'
import { MAX_SERVING_BATCH } from '../core/limits.js'
import { makeFolder } from '../core/make-folder.js'
import { check, type FieldsOf } from '../core/options.js'
import { type PathLike, toPath } from '../core/path.js'
import { writeFileBytes } from '../core/write-file.js'
import { type ExportedOnnx, type ExportOnnxOptions, exportOnnx, exportOnnxOptions } from './onnx/export-onnx.js'
import type { OnnxPort } from './onnx/graphs.js'
import { type ExportSource, readSource } from './source.js'

/** Options of `exportTriton`, which extend those of `exportOnnx`. */
export interface ExportTritonOptions extends ExportOnnxOptions {
  /**
   * Name of the model in the repository and in requests, and of the KServe service: a lower-case letter, then
   * lower-case letters, digits and `-`. Default: `diffwave`.
   */
  readonly name?: string | undefined
  /** Max number of clips in a batch, 1 to 1024. Default: 8. */
  readonly maxBatch?: number | undefined
  /** Where KServe finds the repository. Default: `pvc://models/repository`, a persistent volume. */
  readonly storageUri?: string | undefined
}

/** What `exportTriton` wrote. */
export interface ExportedTriton extends ExportedOnnx {
  /** Paths of the files: model, configuration, manifest. */
  readonly files: readonly [model: string, config: string, manifest: string]
}

const optionsSchema = exportOnnxOptions.extend({
  // Kubernetes names must be DNS labels, and KServe requires a letter first.
  name: z
    .string()
    .regex(/^[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$/, {
      error: 'expected a small letter, then small letters, digits and -, at most 63 in all',
    })
    .default('diffwave'),
  maxBatch: z.number().int().min(1).max(MAX_SERVING_BATCH).default(8),
  storageUri: z
    .string()
    .max(2048)
    .regex(/^(?:[a-z][a-z0-9+.-]*:\/)?\/[!-~]+$/, { error: 'expected an address such as pvc://models/repository' })
    .default('pvc://models/repository'),
} satisfies Omit<FieldsOf<ExportTritonOptions>, keyof ExportOnnxOptions>)

/**
 * Writes a model repository for Triton, and a manifest for KServe:
 *
 * ```text
 * output/
 *   NAME/
 *     config.pbtxt            inputs and outputs as the graph has them
 *     1/model.onnx            as `exportOnnx` writes it
 *   inference-service.yaml    a KServe InferenceService on the Triton runtime
 * ```
 *
 * @param source a shipped model's name, a model folder, a checkpoint file, the address of either, or a model in memory
 * @param output path of the repository's folder, which is created if it is missing
 * @throws DiffWaveError as `exportOnnx`; `NOT_A_DIRECTORY`
 * @example
 * await exportTriton('speech', 'repository', { steps: 4, name: 'vocoder' })
 */
export async function exportTriton(
  source: ExportSource,
  output: PathLike,
  options: ExportTritonOptions = {},
): Promise<ExportedTriton> {
  const { name, maxBatch, storageUri, ...onnx } = check(optionsSchema, options, 'exportTriton options')
  const folder = toPath(output, 'exportTriton output')
  const [model, config, manifest] = repositoryFiles(folder, name)
  // The model is read before the folder is created, so that an unknown model leaves nothing behind.
  const files = await readSource(source, 'exportTriton', onnx)
  await makeFolder(join(folder, name, '1'))
  const exported = await exportOnnx(files, model, onnx)
  await writeFileBytes(config, modelConfig(name, maxBatch, exported))
  await writeFileBytes(manifest, inferenceService(name, storageUri))
  return { ...exported, output: folder, files: [model, config, manifest] }
}

/** Paths of the files of a repository. */
export function repositoryFiles(folder: string, name = 'diffwave'): ExportedTriton['files'] {
  return [
    join(folder, name, '1', 'model.onnx'),
    join(folder, name, 'config.pbtxt'),
    join(folder, 'inference-service.yaml'),
  ]
}

const types = { float32: 'TYPE_FP32', int64: 'TYPE_INT64' } as const

/** A `ModelInput` or `ModelOutput` as text. The batch axis is left out, because Triton adds it. */
function portLine({ name, type, shape }: OnnxPort): string {
  const sizes = shape.slice(1).map(size => (typeof size === 'string' ? -1 : size))
  // A scalar per clip has no other axis, but the configuration needs one.
  const dims = sizes.length === 0 ? 'dims: [ 1 ] reshape: { shape: [ ] }' : `dims: [ ${sizes.join(', ')} ]`
  return `  { name: "${name}" data_type: ${types[type]} ${dims} }`
}

/** Triton's `ModelConfig` (model_config.proto) as text. */
function modelConfig(name: string, maxBatch: number, { inputs, outputs }: ExportedOnnx): string {
  return `name: "${name}"
backend: "onnxruntime"
max_batch_size: ${maxBatch}
input [
${inputs.map(portLine).join(',\n')}
]
output [
${outputs.map(portLine).join(',\n')}
]
dynamic_batching { }
instance_group [ { kind: KIND_AUTO } ]
`
}

/** KServe's `InferenceService` as text. */
function inferenceService(name: string, storageUri: string): string {
  return `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: ${name}
spec:
  predictor:
    model:
      modelFormat:
        name: onnx
        version: "1"
      runtime: kserve-tritonserver
      protocolVersion: v2
      storageUri: ${JSON.stringify(storageUri)}
      resources:
        requests:
          cpu: "2"
          memory: 2Gi
        limits:
          cpu: "2"
          memory: 2Gi
`
}
