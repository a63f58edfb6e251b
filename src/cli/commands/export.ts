/** `diffwave export`: a model as a file or folder that other programs load. */
import { extname } from 'node:path'
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { weightTypeChoices } from '../choices.js'
import { defineCommand, type Values } from '../command.js'
import { fetchModel } from '../load.js'
import { choice, force, integer, number, requiredText, samplingOptions, text } from '../options.js'
import { checkFile, confirmOverwrite } from '../outputs/outputs.js'

/** The endings of each format's files; of a format that is a folder: none. */
const targets = {
  safetensors: ['.safetensors'],
  pytorch: ['.pt', '.pth', '.pkl', '.ckpt'],
  onnx: ['.onnx'],
  triton: [],
} as const
type Target = keyof typeof targets
const targetNames = Object.keys(targets) as Target[]

const ONNX = 'ONNX and Triton'
const TRITON = 'Triton'

const options = {
  output: requiredText('-o, --output <path>', 'file to write; for Triton a folder'),
  to: choice('--to <format>', 'format (default: by the file’s ending)', targetNames),
  type: choice('--type <type>', 'number type of the weights (default: F32)', weightTypeChoices),
  part: choice('--part <part>', 'graph to write (default: whole)', ['whole', 'denoiser'] as const, { group: ONNX }),
  steps: { ...samplingOptions.steps, group: ONNX },
  sampler: { ...samplingOptions.sampler, group: ONNX },
  eta: { ...samplingOptions.eta, group: ONNX },
  guidance: number(
    '--guidance <w>',
    'weight of classifier-free guidance, for generators with labels (default: the model’s)',
    { group: ONNX },
  ),
  name: text('--name <name>', 'name of the model on the server (default: diffwave)', { group: TRITON }),
  maxBatch: integer('--max-batch <n>', 'maximum number of clips per batch (default: 8)', { group: TRITON }),
  storageUri: text(
    '--storage-uri <uri>',
    'address at which KServe finds the folder (default: pvc://models/repository)',
    {
      group: TRITON,
    },
  ),
  force,
}

function targetOf({ to, output }: Values<typeof options>): Target {
  const ending = extname(output).toLowerCase()
  const target = to ?? targetNames.find(name => (targets[name] as readonly string[]).includes(ending))
  if (target !== undefined) return target
  throw new DiffWaveError('BAD_OPTION', 'the file’s ending names no format', {
    expected: `${Object.values(targets).flat().join(', ')}, or --to`,
    got: output,
  })
}

export const command = defineCommand({
  name: 'export',
  summary: 'Export a model to safetensors, PyTorch, ONNX or Triton',
  details: [
    'lmnt-com/diffwave and philsyn/DiffWave-Vocoder load PyTorch files of networks of their own shape. ' +
      'interop/pytorch loads all others. Every export contains the model’s config, so diffwave itself loads all but ' +
      'ONNX files.',
    'An ONNX file computes the whole audio from mel and noise, or one call of the network with --part denoiser. It ' +
      'contains no phase refinement.',
    'With --to triton, the ONNX file goes to a model repository for Triton Inference Server, with its configuration ' +
      'and a manifest for KServe.',
  ],
  guide: 'models',
  group: 'Mels and models',
  arguments: [
    { name: 'model', description: 'shipped model’s name, model folder, checkpoint file, URL or hf:owner/name' },
  ],
  options,
  examples: [
    'diffwave export speech -o speech.safetensors --type F16',
    'diffwave export my-model --to pytorch -o weights.pt',
    'diffwave export speech --steps 4 -o speech.onnx',
    'diffwave export speech --to triton -o repository',
  ],
  run: async (context, [model], options) => {
    const target = targetOf(options)
    const { output, to: _, force, type, ...more } = options
    if (target === 'triton') {
      const { repositoryFiles } = await import('../../export/triton.js')
      await confirmOverwrite(context, repositoryFiles(output, more.name), force)
    } else {
      await checkFile(output, targets[target])
      await confirmOverwrite(context, [output], force)
    }
    const given = defined({ type, ...more, signal: context.signal })
    const written = await exporters[target](await fetchModel(context, model!), output, given)
    for (const note of written.notes) context.note(note)
    context.result(`${output}: ${target}, ${(written.bytes / 1e6).toFixed(2)} MB`, { model, to: target, ...written })
  },
})

type Exporter = (
  model: string,
  output: string,
  // The library checks what it is given, and names what a format does not take.
  options: Readonly<Record<string, unknown>>,
) => Promise<{ readonly bytes: number; readonly notes: readonly string[] }>

const exporters: Readonly<Record<Target, Exporter>> = {
  safetensors: async (model, output, options) =>
    (await import('../../export/safetensors.js')).exportSafetensors(model, output, options),
  pytorch: async (model, output, options) =>
    (await import('../../export/pytorch.js')).exportPyTorch(model, output, options),
  onnx: async (model, output, options) =>
    (await import('../../export/onnx/export-onnx.js')).exportOnnx(model, output, options),
  triton: async (model, output, options) =>
    (await import('../../export/triton.js')).exportTriton(model, output, options),
}
