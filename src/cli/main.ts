#!/usr/bin/env node
/** The command line: a thin skin over the library. One file a command; this one wires them up and turns errors into exits. */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { DiffWaveError } from '../errors.js'
import { packageRoot } from '../load-model.js'
import { addBuildNative } from './build-native.js'
import type { AddCommand } from './command.js'
import { Context, printError } from './context.js'
import { addConvert } from './convert.js'
import { addDenoise } from './denoise.js'
import { addDoctor } from './doctor.js'
import { addEvaluate } from './evaluate.js'
import { exitStatus, SomeFailed } from './exit.js'
import { addGenerate } from './generate.js'
import { addInpaint } from './inpaint.js'
import { addInspect } from './inspect.js'
import { addInterpolate } from './interpolate.js'
import { addMel } from './mel.js'
import { addResynthesize } from './resynthesize.js'
import { addSynthesize } from './synthesize.js'
import { addTrain } from './train.js'
import { addTune } from './tune.js'

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
