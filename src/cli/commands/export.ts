import { weightTypeChoices } from '../choices.js'
import { defineCommand } from '../command.js'
import { choice, force, integer, number, requiredText, samplingOptions, text } from '../options.js'

/** The endings of each format's files; of a format that is a folder: none. */
export const exportTargets = {
  safetensors: ['.safetensors'],
  pytorch: ['.pt', '.pth', '.pkl', '.ckpt'],
  onnx: ['.onnx'],
  triton: [],
} as const
export type ExportTarget = keyof typeof exportTargets
const targetNames = Object.keys(exportTargets) as ExportTarget[]

const ONNX = 'ONNX and Triton'
const TRITON = 'Triton'

const options = {
  output: requiredText('-o, --output <path>', 'file to write; for Triton a folder'),
  to: choice('--to <format>', 'format', targetNames, { default: 'by the file’s ending' }),
  type: choice('--type <type>', 'number type of the weights', weightTypeChoices, { default: 'F32' }),
  part: choice('--part <part>', 'graph to write', ['whole', 'denoiser'] as const, { default: 'whole', group: ONNX }),
  steps: { ...samplingOptions.steps, group: ONNX },
  sampler: { ...samplingOptions.sampler, group: ONNX },
  eta: { ...samplingOptions.eta, group: ONNX },
  guidance: number('--guidance <w>', 'weight of classifier-free guidance, for generators with labels', {
    default: 'the model’s',
    group: ONNX,
  }),
  name: text('--name <name>', 'name of the model on the server', { default: 'diffwave', group: TRITON }),
  maxBatch: integer('--max-batch <n>', 'maximum number of clips per batch', { default: '8', group: TRITON }),
  storageUri: text('--storage-uri <uri>', 'address at which KServe finds the folder', {
    default: 'pvc://models/repository',
    group: TRITON,
  }),
  force,
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
})
