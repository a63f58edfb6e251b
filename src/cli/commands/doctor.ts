/** `diffwave doctor`: which engines run here, and why the others do not. */
import { arch, availableParallelism, platform } from 'node:os'
import { shippedModels } from '../../denoiser/load-model.js'
import { surveyEngines } from '../../engines/select.js'
import type { AddCommand } from '../command.js'

export const addDoctor: AddCommand = (program, run) => {
  program
    .command('doctor')
    .description('which engines run here, and why the others do not')
    .action(async () => {
      const { context } = run()
      const engines = await surveyEngines()
      const models = shippedModels()
      const cores = availableParallelism()
      const lines = [
        `Node.js ${process.versions.node}, ${platform()} ${arch()}, ${cores} cores`,
        ...engines.map(({ name, available, reason, device }) =>
          available ? `  ${name}: runs (${device})` : `  ${name}: does not run: ${reason}`,
        ),
        `models: ${models.join(', ')}`,
      ]
      context.result(lines.join('\n'), {
        node: process.versions.node,
        platform: platform(),
        arch: arch(),
        cores,
        engines,
        models,
      })
    })
}
