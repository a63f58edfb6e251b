/** `diffwave export`: a model as a file that other programs load. */
import { extname } from 'node:path'
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { weightTypeChoices } from '../choices.js'
import { defineCommand, type Values } from '../command.js'
import { choice, force, real, requiredText, samplingOptions } from '../options.js'
import { checkFile, confirmOverwrite } from '../outputs.js'

/** The endings of each format's files. */
const targets = {
  safetensors: ['.safetensors'],
  pytorch: ['.pt', '.pth', '.pkl', '.ckpt'],
  onnx: ['.onnx'],
} as const
type Target = keyof typeof targets
const targetNames = Object.keys(targets) as Target[]

const ONNX = 'ONNX'

const options = {
  output: requiredText('-o, --output <file>', 'file to write'),
  to: choice('--to <format>', 'format (default: by the file’s ending)', targetNames),
  type: choice('--type <type>', 'number type of the weights (default: F32)', weightTypeChoices),
  part: choice('--part <part>', 'graph to write (default: whole)', ['whole', 'denoiser'] as const, { group: ONNX }),
  steps: { ...samplingOptions.steps, group: ONNX },
  sampler: { ...samplingOptions.sampler, group: ONNX },
  eta: { ...samplingOptions.eta, group: ONNX },
  guidance: real('--guidance <w>', 'classifier-free guidance of generators with labels (default: the model’s)', {
    group: ONNX,
  }),
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
  summary: 'File for other programs: safetensors, PyTorch or ONNX',
  details: [
    'A PyTorch file of a network of the shape of lmnt-com/diffwave or philsyn/DiffWave-Vocoder is loaded by that ' +
      'project’s own code, any other by interop/pytorch. Every export states the model’s config, so that diffwave ' +
      'loads it like a model folder.',
    'An ONNX file is the whole way from mel and noise to audio, or with --part denoiser one call of the network. ' +
      'Phase refinement is not part of it.',
  ],
  group: 'Mels and models',
  arguments: [
    { name: 'model', description: 'shipped model’s name, model folder, checkpoint file, URL or hf:owner/name' },
  ],
  options,
  examples: [
    'diffwave export speech -o speech.safetensors --type F16',
    'diffwave export my-model --to pytorch -o weights.pt',
    'diffwave export speech --steps 4 -o speech.onnx',
  ],
  run: async (context, [model], options) => {
    const target = targetOf(options)
    const { output, type, part, steps, sampler, eta, guidance } = options
    await checkFile(output, targets[target])
    await confirmOverwrite(context, [output], options.force)
    const more = defined({ part, steps, sampler, eta, guidance, signal: context.signal })
    const written = await exporters[target](model!, output, { ...defined({ type }), ...more })
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
}
