#!/usr/bin/env node
/** The command line: a thin skin over the library. One file a command; this one wires them up and turns errors into exits. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { DiffWaveError } from '../core/errors.js'
import { packageRoot } from '../denoiser/load-model.js'
import type { AddCommand } from './command.js'
import { addBuildNative } from './commands/build-native.js'
import { addConvert } from './commands/convert.js'
import { addDenoise } from './commands/denoise.js'
import { addDoctor } from './commands/doctor.js'
import { addEvaluate } from './commands/evaluate.js'
import { addGenerate } from './commands/generate.js'
import { addInpaint } from './commands/inpaint.js'
import { addInspect } from './commands/inspect.js'
import { addInterpolate } from './commands/interpolate.js'
import { addMel } from './commands/mel.js'
import { addResynthesize } from './commands/resynthesize.js'
import { addSynthesize } from './commands/synthesize.js'
import { addTrain } from './commands/train.js'
import { addTune } from './commands/tune.js'
import { Context, printError } from './context.js'
import { exitStatus, SomeFailed } from './exit.js'

const commands: readonly AddCommand[] = [
  addSynthesize,
  addResynthesize,
  addGenerate,
  addInpaint,
  addDenoise,
  addInterpolate,
  addMel,
  addConvert,
  addInspect,
  addTrain,
  addEvaluate,
  addTune,
  addBuildNative,
  addDoctor,
]

const CALLED_WRONGLY = 2
const signalStatus = { SIGINT: 130, SIGTERM: 143 } as const

function version(): string {
  return (JSON.parse(readFileSync(`${packageRoot()}/package.json`, 'utf8')) as { version: string }).version
}

async function main(): Promise<void> {
  const stop = new AbortController()
  let stoppedBy: keyof typeof signalStatus | undefined
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // The first signal stops the work cleanly, the second at once.
      if (stoppedBy !== undefined) process.exit(signalStatus[signal])
      stoppedBy = signal
      stop.abort(new Error(signal))
    })
  }
  process.stdout.on('error', error => {
    // A reader that closed the pipe, as `| head` does, is no failure of ours.
    process.exit('code' in error && error.code === 'EPIPE' ? 0 : 1)
  })

  const program = new Command('diffwave')
    .description('sound from denoising diffusion')
    .version(version())
    .option('--json', 'results as one line of JSON each')
    .option('--quiet', 'no results and notes, only errors')
    .option('--debug', 'stack traces with errors')
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .enablePositionalOptions(false)
  const settings = () => program.opts<{ json?: boolean; quiet?: boolean; debug?: boolean }>()
  for (const add of commands) {
    add(program, () => ({
      context: new Context(stop.signal, settings().json ?? false, settings().quiet ?? false),
      debug: settings().debug ?? false,
    }))
  }
  for (const command of program.commands) {
    command
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .showHelpAfterError(false)
  }

  try {
    if (process.argv.length <= 2) {
      process.stdout.write(program.helpInformation())
      process.exitCode = CALLED_WRONGLY
      return
    }
    await program.parseAsync()
  } catch (error) {
    if (stoppedBy !== undefined) {
      process.stderr.write('stopped\n')
      process.exit(signalStatus[stoppedBy])
    }
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return
      const message = error.message.replace(/^error: /, '').split('\n')[0]!
      printError(
        new DiffWaveError('BAD_OPTION', message, { hint: '`diffwave --help` lists commands and options.' }),
        false,
      )
      process.exitCode = CALLED_WRONGLY
      return
    }
    if (error instanceof SomeFailed) {
      process.exitCode = error.status
      return
    }
    printError(error, process.argv.includes('--debug'))
    process.exitCode = exitStatus(error)
  }
}

void main()
