/** The commands, in the order of the help. */
import type { Command } from './command.js'
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

export const commands: readonly Command[] = [
  synthesize,
  resynthesize,
  generate,
  inpaint,
  denoise,
  interpolate,
  mel,
  convert,
  exportModel,
  inspect,
  train,
  evaluate,
  tune,
  serve,
  studio,
  worker,
  buildNative,
  doctor,
]
