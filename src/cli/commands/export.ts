/** `diffwave export`: a model as a file that other programs load. */
import { extname } from 'node:path'
import { DiffWaveError } from '../../core/errors.js'
import { weightTypeChoices } from '../choices.js'
import { defineCommand, type Values } from '../command.js'
import { choice, force, requiredText } from '../options.js'
import { checkFile, confirmOverwrite } from '../outputs.js'

/** The endings of each format's files. */
const targets = {
  safetensors: ['.safetensors'],
  pytorch: ['.pt', '.pth', '.pkl', '.ckpt'],
} as const
type Target = keyof typeof targets
const targetNames = Object.keys(targets) as Target[]

const options = {
  output: requiredText('-o, --output <file>', 'file to write'),
  to: choice('--to <format>', 'format (default: by the file’s ending)', targetNames),
  type: choice('--type <type>', 'number type of the weights (default: F32)', weightTypeChoices),
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
  summary: 'File for other programs: safetensors or PyTorch',
  details: [
    'A PyTorch file of a network of the shape of lmnt-com/diffwave or philsyn/DiffWave-Vocoder is loaded by that ' +
      'project’s own code, any other by interop/pytorch. Every export states the model’s config, so that diffwave ' +
      'loads it like a model folder.',
  ],
  group: 'Mels and models',
  arguments: [{ name: 'model', description: 'shipped model’s name, model folder or checkpoint file' }],
  options,
  examples: [
    'diffwave export speech -o speech.safetensors --type F16',
    'diffwave export my-model --to pytorch -o weights.pt',
  ],
  run: async (context, [model], options) => {
    const target = targetOf(options)
    const { output, type } = options
    await checkFile(output, targets[target])
    await confirmOverwrite(context, [output], options.force)
    const written = await exporters[target](model!, output, { type })
    for (const note of written.notes) context.note(note)
    context.result(`${output}: ${target}, ${(written.bytes / 1e6).toFixed(2)} MB`, { model, to: target, ...written })
  },
})

type Exporter = (
  model: string,
  output: string,
  options: { readonly type: (typeof weightTypeChoices)[number] | undefined },
) => Promise<{ readonly bytes: number; readonly notes: readonly string[] }>

const exporters: Readonly<Record<Target, Exporter>> = {
  safetensors: async (model, output, options) =>
    (await import('../../export/safetensors.js')).exportSafetensors(model, output, options),
  pytorch: async (model, output, options) =>
    (await import('../../export/pytorch.js')).exportPyTorch(model, output, options),
}
