/** Runs a call of the command line to its end, whatever it is, and says how it ended. */
import { commands } from './commands.js'
import type { GlobalOptions } from './context.js'
import type { Ending } from './ending.js'
import { CALLED_WRONGLY, exitStatus, hasReaderLeft, SomeFailed } from './exit.js'
import { printError } from './print-error.js'
import { programHelp, runProgram } from './program.js'

/** Reads the global options before the command line is parsed, as that may fail. */
export function globalOptionsOf(argv: readonly string[]): Pick<GlobalOptions, 'json' | 'debug'> {
  return { json: argv.includes('--json'), debug: argv.includes('--debug') }
}

/**
 * Runs a call. An error that ends it is printed.
 *
 * @param argv the words after the program's name
 * @param ending watches for an early end
 * @returns the exit status
 */
export async function run(argv: readonly string[], ending: Pick<Ending, 'signal' | 'exitIfEarly'>): Promise<number> {
  if (argv.length === 0) {
    await programHelp(commands)
    return CALLED_WRONGLY
  }
  try {
    await runProgram(commands, argv, ending.signal)
    return 0
  } catch (error) {
    ending.exitIfEarly()
    if (hasReaderLeft(error)) return 0
    if (error instanceof SomeFailed) return error.status
    printError(error, globalOptionsOf(argv))
    return exitStatus(error)
  }
}
