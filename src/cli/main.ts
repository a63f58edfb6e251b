#!/usr/bin/env node
/** The command line: a thin skin over the library. This file turns errors and signals into exit statuses. */
import { commands } from './commands.js'
import { Ending } from './ending.js'
import { CALLED_WRONGLY, exitStatus, SomeFailed } from './exit.js'
import { printError } from './print-error.js'
import { programHelp, runProgram } from './program.js'

async function main(argv: readonly string[]): Promise<void> {
  // Read before the command line is parsed, as that may fail.
  const options = { json: argv.includes('--json'), debug: argv.includes('--debug') }
  const ending = new Ending(options)
  if (argv.length === 0) {
    await programHelp(commands)
    process.exitCode = CALLED_WRONGLY
    return
  }
  try {
    await runProgram(commands, argv, ending.signal)
  } catch (error) {
    ending.exitIfEarly()
    if (!(error instanceof SomeFailed)) printError(error, options)
    process.exitCode = error instanceof SomeFailed ? error.status : exitStatus(error)
  }
}

void main(process.argv.slice(2))
