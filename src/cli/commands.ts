/**
 * The commands, in the order of the help. Their data is small, and here at once, so that the help and the errors of a
 * call load nothing more. What a command does is loaded when it runs: its module imports all that it needs.
 */
import type { Command, Run } from './command.js'
import { command as buildNative } from './commands/build-native.js'
import { command as convert } from './commands/convert.js'
import { command as denoise } from './commands/denoise.js'
import { command as doctor } from './commands/doctor.js'
import { command as evaluate } from './commands/evaluate.js'
import { command as exportModel } from './commands/export.js'
import { command as generate } from './commands/generate.js'
import { command as inpaint } from './commands/inpaint.js'
import { command as inspect } from './commands/inspect.js'
import { command as interpolate } from './commands/interpolate.js'
import { command as mel } from './commands/mel.js'
import { command as resynthesize } from './commands/resynthesize.js'
import { command as serve } from './commands/serve.js'
import { command as studio } from './commands/studio.js'
import { command as synthesize } from './commands/synthesize.js'
import { command as train } from './commands/train.js'
import { command as tune } from './commands/tune.js'
import { command as worker } from './commands/worker.js'
import type { OptionSpecs } from './option-spec.js'

/** A command, and the module that runs it. */
export interface LoadableCommand extends Command {
  readonly load: () => Promise<{ readonly run: Run }>
}

/** Checks that what is loaded takes the options of the command. */
function loadable<Options extends OptionSpecs>(
  command: Command<Options>,
  load: () => Promise<{ readonly run: Run<Options> }>,
): LoadableCommand {
  return { ...command, load: load as LoadableCommand['load'] }
}

export const commands: readonly LoadableCommand[] = [
  loadable(synthesize, () => import('./actions/synthesize.js')),
  loadable(resynthesize, () => import('./actions/resynthesize.js')),
  loadable(generate, () => import('./actions/generate.js')),
  loadable(inpaint, () => import('./actions/inpaint.js')),
  loadable(denoise, () => import('./actions/denoise.js')),
  loadable(interpolate, () => import('./actions/interpolate.js')),
  loadable(mel, () => import('./actions/mel.js')),
  loadable(convert, () => import('./actions/convert.js')),
  loadable(exportModel, () => import('./actions/export.js')),
  loadable(inspect, () => import('./actions/inspect.js')),
  loadable(train, () => import('./actions/train.js')),
  loadable(evaluate, () => import('./actions/evaluate.js')),
  loadable(tune, () => import('./actions/tune.js')),
  loadable(serve, () => import('./actions/serve.js')),
  loadable(studio, () => import('./actions/studio.js')),
  loadable(worker, () => import('./actions/worker.js')),
  loadable(buildNative, () => import('./actions/build-native.js')),
  loadable(doctor, () => import('./actions/doctor.js')),
]
