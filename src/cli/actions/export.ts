/** `diffwave export`: a model as a file or folder that other programs load. */
import { defined } from '../../core/defined.js'
import { DiffWaveError } from '../../core/errors.js'
import { endingOf } from '../../core/file-endings.js'
import { exportOnnx } from '../../export/onnx/export-onnx.js'
import { exportPyTorch } from '../../export/pytorch.js'
import { exportSafetensors } from '../../export/safetensors.js'
import { exportTriton, repositoryFiles } from '../../export/triton.js'
import { type command, type ExportTarget, exportTargets } from '../commands/export.js'
import type { Context } from '../context.js'
import { fetchModel } from '../load.js'
import type { Values } from '../option-spec.js'
import { checkFile, confirmOverwrite } from '../outputs/outputs.js'

function targetOf({ to, output }: Values<typeof command.options>): ExportTarget {
  const ending = endingOf(output)
  const target =
    to ??
    (Object.keys(exportTargets) as ExportTarget[]).find(name =>
      (exportTargets[name] as readonly string[]).includes(ending),
    )
  if (target !== undefined) return target
  throw new DiffWaveError('BAD_OPTION', 'the file’s ending names no format', {
    expected: `${Object.values(exportTargets).flat().join(', ')}, or --to`,
    got: output,
  })
}

export async function run(
  context: Context,
  [model]: readonly string[],
  options: Values<typeof command.options>,
): Promise<void> {
  const target = targetOf(options)
  const { output, to: _, force, type, ...more } = options
  if (target === 'triton') {
    await confirmOverwrite(context, repositoryFiles(output, more.name), force)
  } else {
    await checkFile(output, exportTargets[target])
    await confirmOverwrite(context, [output], force)
  }
  const given = defined({ type, ...more, signal: context.signal })
  const written = await exporters[target](await fetchModel(context, model!), output, given)
  for (const note of written.notes) context.note(note)
  context.result(`${output}: ${target}, ${(written.bytes / 1e6).toFixed(2)} MB`, { model, to: target, ...written })
}

type Exporter = (
  model: string,
  output: string,
  // The library checks what it is given, and names what a format does not take.
  options: Readonly<Record<string, unknown>>,
) => Promise<{ readonly bytes: number; readonly notes: readonly string[] }>

const exporters: Readonly<Record<ExportTarget, Exporter>> = {
  safetensors: exportSafetensors,
  pytorch: exportPyTorch,
  onnx: exportOnnx,
  triton: exportTriton,
}
