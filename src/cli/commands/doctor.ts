/** `diffwave doctor`: which engines run here, and why the others do not. */
import { arch, availableParallelism, platform } from 'node:os'
import { runtimeName } from '../../core/runtime.js'
import { defineCommand } from '../command.js'

export const command = defineCommand({
  name: 'doctor',
  summary: 'List the engines that run on this machine, and say why others do not',
  group: 'This machine',
  arguments: [],
  options: {},
  examples: ['diffwave doctor'],
  run: async context => {
    const [{ missingModels, shippedModels }, { surveyEngines }] = await Promise.all([
      import('../../model/shipped-models.js'),
      import('../../engines/select.js'),
    ])
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
  },
})

/** A reason without the words that the line begins with. */
function why(name: string, reason: string): string {
  const prefix = `the ${name} engine is not available: `
  return reason.startsWith(prefix) ? reason.slice(prefix.length) : reason
}
