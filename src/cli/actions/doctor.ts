/** `diffwave doctor`: which engines run here, and why the others do not. */
import { arch, availableParallelism, platform } from 'node:os'
import { runtimeName } from '../../core/runtime.js'
import { surveyEngines } from '../../engines/select.js'
import { missingModels, shippedModels } from '../../model/shipped-models.js'
import type { Context } from '../context.js'

export async function run(context: Context): Promise<void> {
  const engines = await surveyEngines()
  const models = shippedModels()
  const missing = missingModels()
  const cores = availableParallelism()
  const lines = [
    `${runtimeName()}, ${platform()} ${arch()}, ${cores} cores`,
    ...engines.map(({ name, available, reason, device }) =>
      available ? `  ${name}: available (${device})` : `  ${name}: not available: ${why(name, reason)}`,
    ),
    `models: ${models.join(', ')}`,
    ...Object.entries(missing).map(([name, from]) => `  ${name}: not installed (npm install ${from})`),
  ]
  context.result(lines, {
    runtime: runtimeName(),
    node: process.versions.node,
    platform: platform(),
    arch: arch(),
    cores,
    engines,
    models,
    missing,
  })
}

/** A reason without the words that the line begins with. */
function why(name: string, reason: string): string {
  const prefix = `the ${name} engine is not available: `
  return reason.startsWith(prefix) ? reason.slice(prefix.length) : reason
}
